# frozen_string_literal: true

require_relative "host"

RSpec.describe "processes of several containers that share the folder and the network" do
  include_context "with a host"

  # Each is process 1 of its own PID namespace, as in a container.
  contained = lambda do |setup = "true"|
    under = %w[unshare --map-root-user --pid --fork --kill-child --mount-proc]
    [*under, "sh", "-c", "#{setup} && exec \"$@\"", "sh"]
  end

  before(:context) do
    skip "a PID namespace is not possible here" unless system(*contained.call, "true")
  end

  define_method(:container) { |*setup| member(process: { under: contained.call(*setup) }) }

  it "share one copy, although none of them sees the others' process ids, and take over from each other" do
    first, *others = processes = Array.new(3) { container }
    expect(processes.map { |process| ask(process, "Process.pid") }).to eq [1, 1, 1]
    expect_roles(processes, leader: 1, follower: 2)
    expect(processes.map { |process| trouble_of(process) }).to all(be_nil)
    expect_all_to_read(processes, "second")
    expect_one_watch

    expect(role_of(first)).to eq :leader
    first.signal(:KILL)
    expect_roles(others, leader: 1, follower: 1)
    expect_all_to_read(others, "third")
    expect_one_watch
  end

  it "share it with processes outside of them" do
    processes = [container, member, container, member]
    expect_roles(processes, leader: 1, follower: 3)
    expect_all_to_read(processes, "second")
    expect_one_watch
  end

  it "share it where the system refuses memory that programs could be started from (vm.memfd_noexec)" do
    hardened = "echo 2 > /proc/sys/vm/memfd_noexec"
    skip "this kernel has no vm.memfd_noexec" unless system(*contained.call(hardened), "true")

    processes = Array.new(2) { container(hardened) }
    expect_roles(processes, leader: 1, follower: 1)
    expect(processes.map { |process| trouble_of(process) }).to all(be_nil)
    expect_all_to_read(processes, "second")
  end
end
