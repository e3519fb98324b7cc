# frozen_string_literal: true

require_relative "loaded_file"

module Harness
  module Samples
    # A sample that is a file of another program: loaded as that program loads it.
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

      # The gems with a native part that the program needs.
      GEMS = { "config/unicorn.rb" => ["unicorn"], "config/puma.rb" => ["puma"] }.freeze

      module_function

      def gems(sample) = GEMS.fetch(sample.file, [])

      # What went wrong, or nil.
      def error(sample)
        LoadedFile.error(sample, File.basename(sample.file), LOADERS.fetch(sample.file))
      end
    end
  end
end
