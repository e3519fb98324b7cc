# frozen_string_literal: true

require_relative "host"

RSpec.describe "processes that do not share a copy" do
  include_context "with a host"

  def expect_two_copies(ones, others)
    [ones, others].each do |processes|
      leaders = processes.map { |process| ask(process, "EtcdDiscovery.status.leader_pid") }.uniq
      expect(leaders.size).to eq 1
      expect(processes.map(&:pid)).to include(*leaders)
    end
    expect_soon("two watches") { watches == 2 }
    expect_all_to_read(ones + others, "second")
  end

  {
    "other watched keys" => { watch: ["/service/", "/config/"] }, "another timing" => { max_staleness: 7 }
  }.each do |what, settings|
    it "have other settings: #{what}" do
      expect_two_copies(leader_and_followers(1), leader_and_followers(1, **settings))
    end
  end

  it "meet in other folders" do
    expect_two_copies(leader_and_followers(1), leader_and_followers(1, host_copy: new_folder))
  end

  it "are no longer bound to a leader of other settings when that one dies" do
    ones = leader_and_followers(1)
    others = leader_and_followers(1, max_staleness: 7)
    ones.first.signal(:KILL)
    expect_soon("the next leader") { role_of(ones.last) == :leader }
    expect_two_copies(ones.drop(1), others)
  end
end
