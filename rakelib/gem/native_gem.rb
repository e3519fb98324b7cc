# frozen_string_literal: true

require "fileutils"
require "rubygems/package"
require "tmpdir"

# A precompiled gem for one platform, with a library for each of several Ruby versions.
class NativeGem
  # The files to include: what Ruby loads, without the Rust sources.
  SHIPPED = %r{\A(?:lib|sig|docs|exe)/|\A[^/]+\.md\z|\ALICENSE\z}
  LIBRARY = "etcd_discovery.#{RbConfig::CONFIG.fetch('DLEXT')}".freeze

  # @param platform [String] RubyGems' name of it
  def initialize(platform)
    @platform = platform
  end

  # @return [String] the path of the gem, whether or not it exists yet
  def path = File.expand_path("pkg/#{specification.full_name}.gem")

  # @param libraries [Hash{String => String}] the path of each library, by Ruby version such as "3.4"
  # @param target [String] the path of the new gem
  # @return [void]
  def build(libraries, target = path)
    spec = specification
    spec.required_ruby_version = rubies(libraries.keys)
    Dir.mktmpdir("etcd_discovery-native") do |stage|
      spec.files.each { |file| put(file, File.join(stage, file)) }
      libraries.each do |abi, library|
        spec.files += [file = "lib/etcd_discovery/#{abi}/#{LIBRARY}"]
        put(library, File.join(stage, file))
      end
      FileUtils.mkdir_p(File.dirname(target))
      Dir.chdir(stage) { quietly { Gem::Package.build(spec, false, false, target) } }
    end
  end

  private

  def specification
    Gem::Specification.load("etcd_discovery.gemspec").dup.tap do |spec|
      spec.platform = @platform
      spec.extensions = []
      spec.files = spec.files.grep(SHIPPED)
    end
  end

  # The range of Ruby versions. RubyGems cannot exclude a version in between; the gem reports that when it is
  # loaded.
  def rubies(abis)
    oldest, newest = abis.minmax_by { |abi| Gem::Version.new(abi) }
    [">= #{oldest}", "< #{newest.sub(/\d+\z/) { |minor| minor.to_i + 1 }}.dev"]
  end

  def quietly(&block) = Gem::DefaultUserInteraction.use_ui(Gem::SilentUI.new, &block)

  def put(file, target)
    FileUtils.mkdir_p(File.dirname(target))
    FileUtils.cp(file, target)
  end
end
