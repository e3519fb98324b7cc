# frozen_string_literal: true

require_relative "host"

RSpec.describe "the processes of a host that are all stopped (SIGSTOP)" do
  include_context "with a host"

  max_staleness = 2
  # Says at once what it reads after it goes on, before anything else in it has run: again and again, until it
  # has the last value.
  watching = <<~'RUBY'
    @seen = []
    @watching = Thread.new do
      loop do
        value = EtcdDiscovery["/service/b"]
        stale = EtcdDiscovery.stale?
        @seen << [value, stale] if @seen.last != [value, stale]
        break if value == "last"
        sleep 0.001
      end
    end
    sleep 0.001 while @seen.empty?
    nil
  RUBY

  def state(process) = File.read("/proc/#{process.pid}/stat")[/\) (\w)/, 1]

  def stop_all(processes)
    processes.each { |process| process.signal(:STOP) }
    expect_soon("all to stand still") { processes.all? { |process| state(process) == "T" } }
  end

  {
    "the leader last" => ->(leader, others) { [*others, leader] },
    "the leader first" => ->(leader, others) { [leader, *others] },
    "the leader in the middle" => ->(leader, others) { [others.first, leader, *others.drop(1)] }
  }.each do |order, sorted|
    it "never say that an old value is fresh, and all become current, when they go on: #{order}" do
      leader, *others = processes = leader_and_followers(3, max_staleness:, **quick)
      processes.each { |process| ask(process, watching) }
      stop_all(processes)
      etcd.ctl.put("/service/b", "last")
      sleep max_staleness + 1
      sorted.call(leader, others).each do |process|
        process.signal(:CONT)
        # The others are still stopped: each one has to see by itself how old its copy is.
        expect_soon("the last value in #{process.pid}") { value_of(process) == "last" }
      end
      processes.each do |process|
        seen = ask(process, "@watching.join; @seen")
        # The first pair is from before the stop.
        expect(seen.first).to eq ["first", false]
        expect(seen.drop(1) - [["first", true], ["last", true], ["last", false]]).to eq []
      end
      expect_roles(processes, leader: 1, follower: 3)
      expect_one_watch
    end
  end
end
