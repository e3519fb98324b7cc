# frozen_string_literal: true

require "fileutils"
require_relative "host"

RSpec.describe "processes with two versions of the gem on one host" do
  include_context "with a host"

  lib = Harness::RubyProcess::LIB

  # A copy of the gem in which every word of the version's form is that of another version.
  let(:other_lib) do
    version = EtcdDiscovery::VERSION
    other = version.sub(/\d\z/) { |digit| ((Integer(digit) + 1) % 10).to_s }
    place = new_folder
    FileUtils.cp_r("#{lib}/.", place)
    [*Dir[File.join(place, "**/*.so")], File.join(place, "etcd_discovery/version.rb")].each do |path|
      content = File.binread(path)
      expect(content).to include(version)
      File.binwrite(path, content.gsub(version.b, other.b))
    end
    place
  end

  it "have a copy each, side by side in one folder, and each a watch" do
    ones = leader_and_followers(1)
    others = Array.new(2) { member(process: { lib: other_lib }) }
    versions = [*ones, *others].map { |process| ask(process, "EtcdDiscovery::VERSION") }
    expect(versions.uniq.size).to eq 2
    expect_roles(ones, leader: 1, follower: 1)
    expect_roles(others, leader: 1, follower: 1)
    expect_all_to_read(ones + others, "second")
    expect_soon("two watches") { watches == 2 }

    ones.first.signal(:KILL)
    expect_roles(ones.drop(1), leader: 1)
    expect_all_to_read(ones.drop(1) + others, "third")
    expect_soon("two watches") { watches == 2 }
    expect(Dir[File.join(folder, "*.lock")].size).to eq 2
  end
end
