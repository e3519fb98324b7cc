# frozen_string_literal: true

require "open3"
require "rbconfig"

module Harness
  module Samples
    # A sample that is a spec or a test, run as such, without etcd.
    module TestFile
      module_function

      # What went wrong, or nil.
      def error(sample)
        Dir.mktmpdir("sample-") do |folder|
          path = File.join(folder, File.basename(sample.file))
          File.write(path, sample.code)
          environment = { "ETCDDISCOVERY_SOURCE" => "memory", "SPEC_OPTS" => nil }
          output, status = Open3.capture2e(environment, *command(path), chdir: folder)
          status.success? && output.match?(/[1-9]\d* (?:examples|example|runs),/) ? nil : output
        end
      end

      def command(path)
        library = File.join(ROOT, "lib")
        return ["rspec", "--options", File::NULL, "-I", library, path] if path.end_with?("_spec.rb")

        [RbConfig.ruby, "-I", library, path]
      end
    end
  end
end
