# frozen_string_literal: true

require_relative "../etcdctl"
require_relative "../rails_application"

module Harness
  module Samples
    # The samples of a page for a Rails application. Its files are written and its commands run, in their
    # order, in a new application.
    class RailsPage
      # Where a sample belongs in a file of the application: after the matching line.
      PLACES = {
        "config/routes.rb" => /^Rails\.application\.routes\.draw do\n/,
        "config/application.rb" => /^ +class Application < Rails::Application\n/,
        %r{\Aconfig/environments/} => /^Rails\.application\.configure do\n/
      }.freeze
      SECRET = "0" * 64
      # What else a page needs.
      GEMS = { "docs/servers.md" => "sidekiq", "docs/rails.md" => "lograge" }.freeze

      # The samples of a page that are for an application.
      def self.of(samples)
        samples.select { |sample| sample.kind == :rails || sample.kind == :yaml }
      end

      def initialize(page, etcd)
        @etcd = etcd
        @application = RailsApplication.new(gems: ["unicorn", *GEMS[page]])
        @environment = { ETCDDISCOVERY_ENDPOINTS: etcd.endpoint, ETCDCTL_ENDPOINTS: etcd.endpoint,
                         ETCDCTL_API: "3", USER: "ann", ETCD_MEMBERS: etcd.endpoint, SECRET_KEY_BASE: SECRET }
      end

      # What went wrong, or nil.
      def error(sample)
        return run_all(ShellPage.commands(sample)) if sample.language == "sh"

        write(sample.file, sample.code)
        boot(sample.file[%r{\Aconfig/environments/(\w+)}, 1] || "development")
      end

      private

      def write(path, code)
        place = PLACES.find { |key, _| key === path }&.last # rubocop:disable Style/CaseEquality -- a path, or a pattern
        return @application.write(free(path), code) unless place

        text = @application.read(path)
        @application.write(path, text.sub(place) { |line| "#{line}#{code}\n" })
      end

      # Two samples for one initializer become two initializers.
      def free(path)
        return path unless path.start_with?("config/initializers/")

        @written = @written.to_i + 1
        path.sub(/\.rb\z/, "_#{@written}.rb")
      end

      def boot(environment)
        code = "Rails.application.eager_load!; print 'boots'"
        output, = @application.try("bin/rails", "runner", code, **@environment, RAILS_ENV: environment)
        output.end_with?("boots") ? nil : output
      end

      def run_all(commands)
        commands.reject { |command| ShellPage.reason(command) }.each do |command|
          next serve if command == "bin/rails server &"

          problem = run(*command.split(/\s+# => /))
          return problem if problem
        end
        nil
      end

      # Its final output, because a change takes a moment.
      def run(command, wanted = nil)
        limit = Harness.now + WaitUntil::LIMIT
        loop do
          output, status = @application.try("bash", "-c", ported(command), **@environment)
          return "#{command}\n#{output}" unless status.success?
          return if wanted.nil? || output.lines.last&.chomp == wanted
          return "#{command} gives #{output}" if Harness.now > limit
        end
      end

      def serve
        @server = @application.serve(*%w[bin/rails server -b 127.0.0.1 -p PORT], **@environment)
      end

      # curl's own report of its progress is not output.
      def ported(command)
        command.sub(/\Acurl /, "curl --silent --show-error ")
               .sub("localhost:3000", "127.0.0.1:#{@server&.port}")
      end
    end
  end
end
