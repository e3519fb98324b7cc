# frozen_string_literal: true

require_relative "host"

RSpec.describe "a process with a limit (ulimit)" do
  include_context "with a host"

  # Reads the limits of a running process, and sets them.
  def limit(process, **limits)
    options = limits.map { |name, value| "--#{name}=#{value}:" }
    system("prlimit", "--pid=#{process.pid}", *options, exception: true)
  end

  def limited(**limits)
    member(process: { under: ["prlimit", *limits.map { |name, value| "--#{name}=#{value}" }] })
  end

  it "on the size of files is not killed, says why it cannot lead, and follows the one that can" do
    first = limited(fsize: 1_000_000)
    expect_soon("the reason") { trouble_of(first)&.include?("File too large") }
    others = [member, member]
    expect_roles(others, leader: 1, follower: 1)
    expect_all_to_read([first, *others], "second")
    expect_roles([first], follower: 1, timeout: 60)
    expect(trouble_of(first)).to be_nil
    expect_one_watch
  end

  it "on memory, as the leader of content that grows, leaves the others to help themselves, then to lead" do
    leader, *followers = processes = leader_and_followers(2)
    used = File.read("/proc/#{leader.pid}/status")[/^VmSize:\s+(\d+)/, 1].to_i * 1_024
    limit(leader, as: used + (64 << 20))
    # More than a segment of the smallest size takes, with the former values.
    90.times { |number| etcd.ctl.put("/service/large", number.to_s.rjust(1_000_000, "v")) }
    expect_soon("an orphan") { followers.any? { |follower| role_of(follower) == :orphan } }
    expect(trouble_of(leader)).to match(/shared memory.*each process of this host follows etcd by itself/)
    reason = "process #{leader.pid}, which leads, cannot publish"
    expect_soon("the reason") { trouble_of(followers.first)&.include?(reason) }
    expect_all_to_read(processes, "second")
    # It may be a limit of this process alone.
    expect_roles(followers, leader: 1, follower: 1, timeout: 90)
    expect_all_to_read(processes, "third")

    limit(leader, as: "unlimited")
    expect_roles(processes, leader: 1, follower: 2, timeout: 60)
    expect(processes.map { |process| trouble_of(process) }).to all(be_nil)
    expect_one_watch
  end

  it "on memory, as a follower, follows etcd by itself and says why; the others go on" do
    leader, follower = leader_and_followers(1)
    poor = limited(as: 300 << 20)
    expect_all_to_read([leader, follower, poor], "second")
    expect_roles([leader, follower], leader: 1, follower: 1)
  end
end
