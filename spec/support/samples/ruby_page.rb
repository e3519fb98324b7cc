# frozen_string_literal: true

require_relative "../ruby_process"

module Harness
  module Samples
    # The Ruby samples of a page that are not files, in one process and in their order.
    class RubyPage
      RUNNER = File.expand_path("runner.rb", __dir__)
      # What a page needs beforehand: keys, and methods of the reader's own application.
      PRELUDES = File.expand_path("../../docs/samples", __dir__)

      def initialize(page, etcd)
        @page = page
        @etcd = etcd
      end

      # `{ line => error or nil }`
      def run(samples)
        environment = { "ETCDDISCOVERY_ENDPOINTS" => @etcd.endpoint }
        process = RubyProcess.new(script(samples), endpoints: [@etcd.endpoint], env: environment)
        samples.to_h { process.heard.values_at(:line, :error) }
      ensure
        process&.close
      end

      private

      def script(samples)
        listed = samples.map { |sample| sample.to_h.merge(code: sample.code_for(@etcd.endpoint)) }
        run = "run_samples(JSON.parse(DATA.read))"
        [File.read(RUNNER), prelude, run, "__END__", JSON.generate(listed)].join("\n")
      end

      def prelude
        path = File.join(PRELUDES, "#{File.basename(@page, '.md').downcase}.rb")
        File.exist?(path) ? File.read(path) : ""
      end
    end
  end
end
