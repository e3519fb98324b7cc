# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../child_process"
require_relative "../cleanup"
require_relative "../ruby_process"

module Harness
  module Samples
    # The commands of a page, in one folder and in their order, against a real etcd.
    class ShellPage
      LIMIT = 60
      # The reader's files in the folder: a program to announce, …
      FILES = {
        "README.md" => { "server" => "#!/bin/sh\n" },
        "docs/services.md" => { "server" => "#!/bin/sh\n" }
      }.freeze

      # The process of the application that a page tells of, where commands ask the fleet.
      MEMBERS = { "docs/changing.md" => <<~'RUBY' }.freeze
        hear
        configure(fleet: "/shop/fleet/", layers: ["/shop/hosts/#{Socket.gethostname}/", "/shop/production/"])
        EtcdDiscovery.start
        wait_until("the member") { EtcdDiscovery.fleet.members.any? }
        report true
        hear
      RUBY

      # The commands of a sample: comments are left out, and lines that end in a backslash are joined.
      def self.commands(sample)
        sample.code.gsub(/\\\n\s*/, " ").lines.map(&:strip).grep_v(/\A(?:#|\z)/)
      end

      # Why a command is not run, or nil.
      def self.reason(command)
        COMMANDS_NOT_RUN.find { |beginning,| command.start_with?(beginning) }&.last
      end

      def initialize(page, etcd)
        @etcd = etcd
        # It must outlive the example that needs it first, and change nothing in etcd before.
        @member = MEMBERS[page]&.then { |code| RubyProcess.new(code, endpoints: [etcd.endpoint]) }
        @folder = Dir.mktmpdir("shell-page-")
        Cleanup.add(self)
        write("bin/etcd_discovery", <<~SH)
          #!/bin/sh
          exec #{RbConfig.ruby} -I #{ROOT}/lib #{ROOT}/exe/etcd_discovery "$@"
        SH
        FILES.fetch(page, {}).each { |path, text| write(path, text) }
      end

      # What went wrong, or nil.
      def error(sample)
        self.class.commands(sample).each do |command|
          next if self.class.reason(command)

          problem = run(command)
          return "#{command}\n#{problem}" if problem
        end
        nil
      end

      def close = FileUtils.rm_rf(@folder)

      private

      def write(path, text)
        full = File.join(@folder, path)
        FileUtils.mkdir_p(File.dirname(full))
        File.write(full, text)
        File.chmod(0o755, full)
      end

      def run(command)
        command, wanted = command.split(/\s+# => /)
        return dry_run(command) if command.match?(/\A(?:\w+=\S+ )*rake /)

        start_member if command.include?("--fleet ")
        command = command.gsub(ENDPOINT, @etcd.endpoint)
        output, status = Open3.capture2e(environment, "timeout", LIMIT.to_s, "bash", "-c", command,
                                         chdir: @folder, stdin_data: "")
        return output unless status.success?

        "gives #{output} instead of #{wanted}" unless wanted.nil? || output.strip == wanted
      end

      def start_member
        return if @member_started

        @member.tell
        @member_started = @member.heard
      end

      # Checks that the project's own tasks exist, and so do their prerequisites. They run for minutes.
      def dry_run(command)
        command = command.sub(/\brake /, "rake --dry-run ").sub(/#.*/, "")
        output, status = Open3.capture2e("bash", "-c", command, chdir: ROOT)
        status.success? ? nil : output
      end

      def environment
        { "PATH" => [File.join(@folder, "bin"), ENV.fetch("PATH")].join(":"), "ETCDCTL_API" => "3",
          "ETCDCTL_ENDPOINTS" => @etcd.endpoint, "ETCDDISCOVERY_ENDPOINTS" => @etcd.endpoint,
          "ETCDDISCOVERY_WATCH" => nil }
      end
    end
  end
end
