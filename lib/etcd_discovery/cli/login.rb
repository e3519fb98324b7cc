# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Reads the user from `--user`, and the password from a source that other users of the machine cannot see.
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

      # `ps` shows a command line to every user of the machine, as long as the process runs.
      def hide(given, shown)
        return unless @is_process

        @shown ||= ARGV.map(&:b)
        @shown.each { |argument| argument.sub!(/#{Regexp.escape(given.b)}\z/n) { shown } }
        Process.setproctitle(["etcd_discovery", *@shown].join(" "))
      end

      # Does not repeat a misspelled `--usr=root:secret`.
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

      # Reads one line without showing it.
      def typed
        return $stdin.gets unless $stdin.tty?

        require "io/console"
        $stdin.getpass("Password of #{@settings[:user] || 'the user'} in etcd: ")
      end
    end
  end
end
