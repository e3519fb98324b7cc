# frozen_string_literal: true

require_relative "host"

RSpec.describe "the memory that a follower keeps while it is stopped" do
  include_context "with a host"

  # Descriptors that were sent to the process and that it has not received. Each keeps a segment in memory.
  def in_flight(pid)
    infos = Dir["/proc/#{pid}/fdinfo/*"].filter_map { |path| File.read(path)[/^scm_fds:\s+(\d+)/, 1] }
    infos.sum(&:to_i)
  end

  # Each five of them fill a segment.
  def change(rounds)
    rounds.times { |number| etcd.ctl.put("/service/large", number.to_s.rjust(1_000_000, "v")) }
  end

  it "is bounded, however much the leader publishes, and it follows again when it goes on" do
    leader, stopped, other = leader_and_followers(2)
    stopped.signal(:STOP)
    change(60)
    etcd.ctl.put("/service/b", "second")
    [leader, other].each { |process| expect_soon("the last value") { value_of(process) == "second" } }
    # Otherwise nothing was measured.
    expect(in_flight(stopped.pid)).to be_between(1, 8)
    expect(in_flight(other.pid)).to eq 0

    stopped.signal(:CONT)
    expect_soon("the value of now") { value_of(stopped) == "second" }
    expect_roles([leader, stopped, other], leader: 1, follower: 2)
    expect(in_flight(stopped.pid)).to eq 0
    expect_one_watch
  end
end
