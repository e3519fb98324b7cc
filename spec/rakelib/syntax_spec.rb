# frozen_string_literal: true

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

  it "reads every file that is Ruby by its name or first line" do
    files = Dir.glob("**/*", base: root).grep_v(described_class::LEFT_OUT)
    ruby = files.select { |path| File.file?(File.join(root, path)) && ruby?(File.join(root, path)) }
    expect(described_class.files(root)).to match_array(ruby)
  end

  def ruby?(path)
    path.match?(%r{\.(?:rb|rake|ru|gemspec)\z|/(?:Gemfile|Rakefile)\z}) ||
      File.open(path, "rb", &:gets).to_s.match?(/\A#!.*\bruby/)
  end
end
