# frozen_string_literal: true

require "open3"
require_relative "../../rakelib/syntax"

RSpec.describe Syntax do
  root = File.expand_path("../..", __dir__)

  it "names the file that the running Ruby cannot parse, and no other" do
    Dir.mktmpdir do |folder|
      File.write(File.join(folder, "sound.rb"), "puts 1\n")
      File.write(File.join(folder, "broken.rake"), "def broken(\n")
      Dir.mkdir(File.join(folder, "tmp"))
      File.write(File.join(folder, "tmp/left_out.rb"), "def broken(\n")
      expect(described_class.errors(folder)).to contain_exactly(/\Abroken\.rake does not parse under Ruby 3/)
    end
  end

  it "reads every Ruby file that Git tracks" do
    tracked, = Open3.capture2("git", "-C", root, "ls-files")
    ruby = tracked.split("\n").select do |path|
      path.match?(%r{\.(?:rb|rake|ru|gemspec)\z|(?:\A|/)(?:Gemfile|Rakefile)\z}) ||
        File.open(File.join(root, path), "rb", &:gets)&.match?(/\A#!.*\bruby/)
    end
    expect(described_class.files(root)).to include(*ruby)
  end
end
