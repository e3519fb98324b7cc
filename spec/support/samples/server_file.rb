# frozen_string_literal: true

require "open3"
require "rbconfig"

module Harness
  module Samples
    # A sample that is a file of a program's own: loaded as that program loads it.
    module ServerFile
      LOADERS = {
        "Gemfile" => 'require "bundler"; dsl = Bundler::Dsl.new; dsl.instance_eval(File.read(path), path)
                      abort unless dsl.dependencies.any? { |gem| gem.name == "etcd_discovery" }',
        "config/unicorn.rb" => 'require "unicorn"; require "etcd_discovery"
                                file = Unicorn::Configurator.new(config_file: path)
                                server = Class.new { def listen(address) = address }.new
                                worker = Struct.new(:nr).new(0)
                                hooked = File.read(path).include?("\nafter_fork")
                                file[:after_fork].call(server, worker) if hooked',
        "config/spring.rb" => 'require "spring/configuration"; require "etcd_discovery"; load path
                               Spring.after_fork_callbacks.each(&:call)',
        "config/puma.rb" => 'require "puma"; require "puma/configuration"; require "puma/plugin"
                             Puma::Configuration.new(config_files: [path]).load'
      }.freeze

      # Those with a native part that the program is made of.
      GEMS = { "config/unicorn.rb" => ["unicorn"], "config/puma.rb" => ["puma"] }.freeze

      module_function

      def gems(sample) = GEMS.fetch(sample.file, [])

      # What went wrong, or nil.
      def error(sample)
        Dir.mktmpdir("sample-") do |folder|
          path = File.join(folder, File.basename(sample.file))
          File.write(path, sample.code)
          code = "path = #{path.inspect}\n#{LOADERS.fetch(sample.file)}"
          output, status = Open3.capture2e(RbConfig.ruby, "-I", File.join(ROOT, "lib"), "-e", code)
          status.success? ? nil : output
        end
      end
    end
  end
end
