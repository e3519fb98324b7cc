# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Who to be: `--user`, and the password from where no other user of the machine sees it.
    #
    # @api private
    module Login
      STANDARD_INPUT = "-"
      private_constant :STANDARD_INPUT

      private

      def login_options(options)
        options.on("--user USER[:PASSWORD]", "user of etcd; `ps` may show a password given here") do |user|
          @settings[:user] = user
          name, password = user.split(":", 2)
          hide(user, "#{name}:#{Masked::FILTERED}") if password
        end
        options.on("--password PASSWORD", "the user's password; `ps` may show it for a moment") do |password|
          @settings[:password] = password
          hide(password, Masked::FILTERED)
        end
        options.on("--password-file FILE", "the user's password; `-` reads it from standard input") do |file|
          @settings[:password] = password_from(file)
        end
      end

      # A command line is shown to every user of the machine: by `ps`, for as long as the process runs.
      def hide(given, shown)
        return unless @is_process

        @shown ||= ARGV.map(&:b)
        @shown.each { |argument| argument.sub!(/#{Regexp.escape(given.b)}\z/n) { shown } }
        Process.setproctitle(["etcd_discovery", *@shown].join(" "))
      end

      # A misspelt `--usr=root:secret` is not repeated.
      def wrong_usage(error)
        message = error.message.sub("\nDid you mean", ". Did you mean")
        message.gsub(/(-[\w-]+=).*?(?=\. Did you mean|\z)/m) { "#{Regexp.last_match(1)}#{Masked::FILTERED}" }
      end

      def password_from(file)
        password = (file == STANDARD_INPUT ? typed : File.read(file)).to_s.chomp
        return password unless password.empty?

        raise ConfigurationError, "--password-file: #{file} holds no password"
      rescue SystemCallError => e
        raise ConfigurationError, "--password-file: #{e.message}"
      end

      # One line, not shown while it is typed.
      def typed
        return $stdin.gets unless $stdin.tty?

        require "io/console"
        $stdin.getpass("Password of #{@settings[:user] || 'the user'} in etcd: ")
      end
    end
  end
end
