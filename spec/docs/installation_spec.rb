# frozen_string_literal: true

require_relative "../../ext/0_preflight/packages"

RSpec.describe "the guide to installation" do
  root = File.expand_path("../..", __dir__)
  guide = File.read(File.join(root, "docs/installation.md"), encoding: "UTF-8")
  packages = lambda do |system|
    Packages::NEEDS.values.filter_map { |names| names[system] }.flat_map(&:split).sort
  end
  installed = ->(text, command) { text[/#{command}((?: [a-z][\w-]*)+)/, 1].split.sort }

  it "installs for each system what the check before a compilation requires" do
    { debian: "apt-get install", fedora: "dnf install", alpine: "apk add" }.each do |system, command|
      expect(installed[guide, command]).to eq packages[system]
    end
  end

  it "has a Dockerfile that installs the same, except for the headers that the ruby images contain" do
    dockerfile = File.read(File.join(root, "examples/docker/source.Dockerfile"))
    expect(installed[dockerfile, "apt-get install --yes --no-install-recommends"])
      .to match_array(packages[:debian] - ["ruby-dev"] + %w[ca-certificates curl])
  end

  it "installs with bin/setup what the check requires" do
    setup = File.read(File.join(root, "bin/setup"))
    expect(setup[/^for_build=\((.*)\)/, 1].split).to include(*packages[:debian])
  end
end
