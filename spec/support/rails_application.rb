# frozen_string_literal: true

require "fileutils"
require "open3"
require "socket"
require "tmpdir"
require_relative "child_process"
require_relative "cleanup"
require_relative "free_port"
require_relative "log_tail"

module Harness
  # An application as `rails new` makes it, with the gem in its Gemfile.
  class RailsApplication
    class Failed < StandardError; end

    GEM = File.expand_path("../..", __dir__)
    # Parts without use here, or with gems that Debian does not package.
    LEFT_OUT = %w[--minimal --skip-active-record --skip-sprockets --skip-asset-pipeline --skip-bundle
                  --skip-git --skip-ci --skip-dev-gems --skip-rubocop --skip-brakeman].freeze
    # Removes this process's Bundler and Ruby options, and settings from the environment of the spec run.
    OUTSIDE = ENV.keys.grep(/\A(?:BUNDLE|BUNDLER|RUBY|RAILS|RACK|ETCD)/).to_h { |name| [name, nil] }.freeze
    BOOT_LIMIT = 120

    attr_reader :folder

    def initialize(gems: [])
      @place = Dir.mktmpdir("rails-application-")
      @folder = File.join(@place, "shop")
      Cleanup.add(self)
      run("rails", "new", folder, *LEFT_OUT, chdir: @place)
      gems.each { |name| append("Gemfile", "gem #{name.inspect}\n") }
      append("Gemfile", "gem \"etcd_discovery\", path: #{GEM.inspect}\n")
    end

    def append(path, text) = File.write(full(path), text, mode: "a")

    def write(path, text)
      FileUtils.mkdir_p(File.dirname(full(path)))
      File.write(full(path), text)
    end

    def read(path) = File.read(full(path), encoding: "UTF-8")

    def delete(*paths) = paths.each { |path| FileUtils.rm_f(full(path)) }

    # The files of the configuration, as `{ path => content }`.
    def files
      Dir.glob("config/**/*", base: folder).select { |path| File.file?(full(path)) }
         .to_h { |path| [path.delete_prefix("config/"), read(path)] }
    end

    # The output of a command of the application, after it succeeded.
    def run(*command, chdir: folder, **env)
      output, status = try(*command, chdir:, **env)
      status.success? ? output : raise(Failed, "#{command.join(' ')} failed:\n#{output}")
    end

    def try(*command, chdir: folder, **env)
      output, status = Open3.capture2e(OUTSIDE.merge(env.transform_keys(&:to_s)), *command, chdir:)
      [output.force_encoding(Encoding::UTF_8), status]
    end

    def rails(*command, **env) = run("bin/rails", *command, **env)

    # @return [Server] once it answers
    def serve(*command, **env) = Server.new(self, command, env).await

    def close = FileUtils.rm_rf(@place)

    private

    def full(path) = File.join(folder, path)

    # One of the application's servers, on its own port (`PORT` in the command and in the environment).
    class Server
      attr_reader :port

      def initialize(application, command, env)
        @port = FreePort.take
        @log = File.join(application.folder, "log/server-#{port}.log")
        command = command.map { |word| word.sub("PORT", port.to_s) }
        environment = OUTSIDE.merge("PORT" => port.to_s, **env.transform_keys(&:to_s))
        @process = ChildProcess.new(*command, env: environment, log: @log, chdir: application.folder)
        Cleanup.add(self)
      end

      def pid = @process.pid

      def await
        WaitUntil.wait_until("an answer of the application", timeout: BOOT_LIMIT) { gone! || answer }
        self
      end

      # The body, or nil while nothing listens.
      def answer(path = "/state")
        Net::HTTP.get_response(URI("http://127.0.0.1:#{port}#{path}")).body
      rescue SystemCallError, EOFError
        nil
      end

      def stop = @process.stop

      def close = stop

      def report = "#{self.class}:\n#{LogTail.of(@log)}"

      private

      def gone!
        raise Failed, "the server ended while starting: #{@process.status}\n#{report}" unless @process.alive?
      end
    end
  end
end
