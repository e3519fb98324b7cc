# frozen_string_literal: true

require "rbconfig"

module EtcdDiscovery
  # Loads the compiled part of the gem.
  #
  # A native gem has one library for each supported Ruby. The source gem and a checkout have the one that was
  # compiled on this machine.
  #
  # @api private
  module NativeLibrary
    # Includes the suffix: without it, `require` would find `etcd_discovery.rb`.
    NAME = "etcd_discovery.#{RbConfig::CONFIG.fetch('DLEXT')}".freeze

    # A library runs in all releases of its minor version of Ruby, and in no other.
    ABI = RbConfig::CONFIG.fetch("ruby_version")[/\A\d+\.\d+/]

    class << self
      # @param folder [String] the folder of a native gem's libraries, each in a folder named after its Ruby
      # @return [void]
      # @raise [LoadError] says which Ruby this is, what is available instead, and what to do
      def load(folder = File.expand_path("..", __dir__))
        packaged = Dir[File.join(folder, "[0-9]*.[0-9]*", NAME)].to_h { |path| [path.split("/")[-2], path] }
        path = packaged.fetch(ABI, NAME)
        require path
      rescue LoadError => e
        # Only a failed search for the file names the feature in its error. Ruby's own suggestions of similar
        # names would not help.
        raise LoadError, absent(packaged.keys), cause: nil if e.path == NAME

        raise LoadError, "#{broken(path)}: #{e.message}. #{remedy(packaged.keys)}"
      end

      private

      def absent(abis)
        return "etcd_discovery is not compiled for #{ruby}. #{remedy(abis)}" if abis.empty?

        "this native gem of etcd_discovery has libraries for Ruby #{list(abis)}, and none for #{ruby}. " \
          "Use one of these versions, or: #{remedy(abis)}"
      end

      def broken(path)
        path = $LOAD_PATH.resolve_feature_path(path)&.last if path == NAME
        "#{ruby} cannot load etcd_discovery's compiled library #{path}"
      end

      def remedy(abis)
        return "Install the gem that compiles on your machine: #{source_gem}" if abis.any?

        root = File.expand_path("../../..", __dir__)
        return "Compile it: cd #{root} && rake compile" if File.exist?(File.join(root, "Rakefile"))

        "Compile it: gem pristine etcd_discovery --extensions"
      end

      def source_gem
        "gem install etcd_discovery --platform ruby (in a Gemfile: " \
          'gem "etcd_discovery", force_ruby_platform: true)'
      end

      def ruby = "Ruby #{RUBY_VERSION} (#{RUBY_PLATFORM})"

      def list(abis)
        *others, last = abis.sort_by { |abi| Gem::Version.new(abi) }
        others.empty? ? last : "#{others.join(', ')} and #{last}"
      end
    end
  end
end
