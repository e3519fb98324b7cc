# frozen_string_literal: true

require "yaml"

# Every place claims the same oldest Ruby, and the specs fail on an older one.
RSpec.describe "the oldest Ruby that is supported" do
  root = File.expand_path("../..", __dir__)
  read = ->(path) { File.read(File.join(root, path), encoding: "UTF-8") }
  gemspec = Gem::Specification.load(File.join(root, "etcd_discovery.gemspec"))
  oldest = gemspec.required_ruby_version.to_s[/\d+\.\d+/]

  it "is the one that RuboCop checks for" do
    expect(YAML.safe_load(read[".rubocop.yml"]).dig("AllCops", "TargetRubyVersion").to_s).to eq oldest
  end

  it "is the one that the README names" do
    expect(read["README.md"]).to include "Ruby #{oldest} or later"
  end

  it "is not newer than the Ruby that runs these specs" do
    expect(Gem::Version.new(RUBY_VERSION)).to be >= Gem::Version.new(oldest)
  end
end
