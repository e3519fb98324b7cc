# frozen_string_literal: true

require "tmpdir"

RSpec.describe Harness::CompiledGems do
  # The reason why a gem is missing for Ruby 3.4, if Debian has these specifications.
  def missing(name, *paths)
    Dir.mktmpdir do |folder|
      paths.each do |path|
        FileUtils.mkdir_p(File.join(folder, File.dirname(path)))
        FileUtils.touch(File.join(folder, path))
      end
      described_class.missing([name], specifications: "#{folder}/[0-9]*/specifications", abi: "3.4.0")
    end
  end

  it "says for which Ruby Debian has a gem that the running one does not find" do
    expect(missing("no_such_gem", "3.3.0/specifications/no_such_gem-8.0.2.gemspec"))
      .to eq "Debian has no_such_gem 8.0.2 for Ruby 3.3 only"
  end

  it "reports a version as missing that only another Ruby has, because Ruby's own json is older" do
    expect(missing("json", "3.3.0/specifications/json-999.0.gemspec"))
      .to eq "Debian has json 999.0 for Ruby 3.3 only"
  end

  it "says nothing about a gem that this Ruby has, or that no Ruby has: that one fails where it is loaded" do
    expect(missing("json", "3.3.0/specifications/json-0.1.gemspec")).to be_nil
    expect(missing("no_such_gem")).to be_nil
    expect(missing("no_such_gem", "3.4.0/specifications/no_such_gem-1.0.gemspec")).to be_nil
    expect(missing("rails", "3.3.0/specifications/rails-dom-testing-999.gemspec")).to be_nil
  end
end
