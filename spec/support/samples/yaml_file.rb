# frozen_string_literal: true

require_relative "loaded_file"

module Harness
  module Samples
    # A sample in YAML, read by the part of the gem that reads it: Rails' settings in each of their
    # environments, or the file that stands for etcd.
    module YamlFile
      SETTINGS = <<~'RUBY'
        require "logger"
        require "rails"
        require "etcd_discovery"
        folder, name = File.split(File.dirname(path)).first, "config/#{File.basename(path)}"
        environments = File.read(path).scan(/^(\w+):/).flatten - ["shared"]
        environments = ["development"] if environments.empty?
        environments.each do |environment|
          settings = EtcdDiscovery::Railtie::SettingsFile.new(folder, name, environment).settings
          EtcdDiscovery::Configuration.new(**settings)
        end
      RUBY
      CONTENT = <<~'RUBY'
        require "etcd_discovery"
        client = EtcdDiscovery::Client.new(source: path)
        abort "no keys" if client.start.snapshot.size.zero?
      RUBY

      module_function

      # Rails does not load without this.
      def gems(sample) = sample.file == "config/etcd_discovery.yml" ? ["nokogiri"] : []

      # What went wrong, or nil.
      def error(sample)
        reader = sample.file == "config/etcd_discovery.yml" ? SETTINGS : CONTENT
        environment = { "ETCD_MEMBERS" => "http://127.0.0.1:2379", "USER" => "ann" }
        LoadedFile.error(sample, sample.file, reader, environment)
      end
    end
  end
end
