# frozen_string_literal: true

require_relative "host"

RSpec.describe "processes whose time of day jumps" do
  include_context "with a host"

  let(:clock) { Harness::JumpingClock.new }

  def seconds(process) = ask(process, "Time.now.to_i")

  it "count the age of the copy as before, an hour forward and an hour back" do
    processes = Array.new(3) { member(process: { env: clock.env }, **quick) }
    expect_roles(processes, leader: 1, follower: 2)
    [+3_600, -3_600].each do |jump|
      clock.jump(jump)
      processes.each { |process| expect(seconds(process)).to be_within(60).of(Time.now.to_i + jump) }
      expect_all_to_read(processes, jump.to_s)
      ages = processes.map { |process| ask(process, "EtcdDiscovery.status.age") }
      expect(ages).to all(be_between(0, 30))
      expect(processes.map { |process| ask(process, "EtcdDiscovery.stale?") }).to all(be false)
      expect_roles(processes, leader: 1, follower: 2)
    end
    expect(processes.flat_map { |process| ask(process, "@events") } & %w[stale fresh]).to be_empty
    expect_one_watch
  end
end
