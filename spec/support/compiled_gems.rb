# frozen_string_literal: true

require "rbconfig"

module Harness
  # Debian compiles the native parts of its gems only for its own Ruby. Another one, such as a Ruby of
  # Debian's experimental packages, does not have those gems, and no spec can change that.
  module CompiledGems
    # By the version of Ruby's ABI, both for gems of one architecture and of all.
    SPECIFICATIONS = "/usr/{share,lib/*}/rubygems-integration/[0-9]*/specifications"

    module_function

    # @return [String, nil] why gems are missing, nil if none is: then a gem that does not load is a failure
    def missing(names, specifications: SPECIFICATIONS, abi: RbConfig::CONFIG.fetch("ruby_version"))
      lines = names.filter_map do |name|
        version, others = elsewhere(name, specifications, abi)
        next if version.nil? || here?(name, version)

        "Debian has #{name} #{version} for Ruby #{others} only"
      end
      lines.any? ? lines.join(", ") : nil
    end

    # The newest version for another Ruby than the running one, and that Ruby.
    def elsewhere(name, specifications, abi)
      paths = Dir[File.join(specifications, "#{name}-[0-9]*.gemspec")]
      found = paths.map { |path| path.match(%r{/(?<ruby>\d[^/]*)/[^/]*/.*-(?<version>[^-]+)\.gemspec\z}) }
      foreign = found.reject { |match| match[:ruby] == abi }
      newest = foreign.max_by { |match| Gem::Version.new(match[:version]) }
      [newest[:version], newest[:ruby][/\d+\.\d+/]] if newest
    end

    def here?(name, version)
      Gem::Specification.find_all_by_name(name, ">= #{version}").any?
    end
  end
end
