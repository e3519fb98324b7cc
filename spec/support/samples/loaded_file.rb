# frozen_string_literal: true

require "open3"
require "rbconfig"

module Harness
  module Samples
    # Writes a sample to a file, and loads it in a separate Ruby.
    module LoadedFile
      module_function

      # @param name [String] the path of the file in its folder
      # @param code [String] loads the file at `path`
      # @return [String, nil] what went wrong
      def error(sample, name, code, environment = {})
        Dir.mktmpdir("sample-") do |folder|
          path = File.join(folder, name)
          FileUtils.mkdir_p(File.dirname(path))
          File.write(path, sample.code)
          output, status = Open3.capture2e(environment, RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-e",
                                           "path = #{path.inspect}\n#{code}")
          status.success? ? nil : output
        end
      end
    end
  end
end
