# frozen_string_literal: true

require_relative "host"

RSpec.describe "a folder on a file system of its own" do
  include_context "with a host"

  under = %w[unshare --map-root-user --mount]

  before(:context) do
    skip "a mount of its own is not possible here" unless system(*under, "mount", "--bind", "/tmp", "/tmp")
  end

  # No process takes part before it is asked to.
  define_method(:processes_with) do |mount|
    processes = master_and_workers(3, process: { under: }, before: mount, in_worker: "")
    [processes.first, processes.drop(1)]
  end

  let(:mount) do
    options = "size=16k,nr_inodes=12,mode=0700"
    "system('mount', '-t', 'tmpfs', '-o', '#{options}', 'tmpfs', '#{folder}', exception: true)"
  end
  let(:fill) { <<~RUBY }
    File.open("#{folder}/ballast", "w") do |file|
      file.sync = true
      loop { file.write("x" * 4_096) }
    rescue Errno::ENOSPC
      begin
        (1..).each { |number| File.write("#{folder}/\#{number}", "") }
      rescue Errno::ENOSPC
        "full"
      end
    end
  RUBY

  def tell_all(workers) = workers.each { |worker| ask(worker, "take_part; nil") }

  def remount(how) = "system('mount', '-o', 'remount,#{how}', '#{folder}', exception: true)"

  def troubles_of(workers) = workers.map { |worker| trouble_of(worker) }

  # `repair` is the code with which the master ends what keeps the workers apart.
  def expect_each_alone_until(repair, master, workers, reason)
    tell_all(workers)
    expect(troubles_of(workers)).to all(include(reason, folder))
    expect_all_to_read(workers, "second")
    expect_roles(workers, orphan: 3)
    ask(master, "#{repair}; nil")
    expect_roles(workers, leader: 1, follower: 2)
    expect(troubles_of(workers)).to all(be_nil)
    expect_all_to_read(workers, "third")
    expect_one_watch
  end

  it "that is full leaves each process to follow by itself, which says why, until there is room again" do
    master, workers = processes_with(mount)
    expect(ask(master, fill)).to eq "full"
    make_room = "File.unlink(*Dir['#{folder}/[b0-9]*'].grep_v(/lock|sock/))"
    expect_each_alone_until(make_room, master, workers, "No space left on device")
  end

  it "that is read-only leaves each process to follow by itself, which says why, until it can be written" do
    master, workers = processes_with("#{mount}; #{remount('ro')}")
    expect_each_alone_until(remount("rw"), master, workers, "Read-only file system")
  end

  it "that becomes full disturbs none of those who share a copy already, and a late one joins them" do
    master, (*workers, late) = processes_with(mount)
    tell_all(workers)
    expect_roles(workers, leader: 1, follower: 1)
    expect(ask(master, fill)).to eq "full"
    tell_all([late])
    expect_roles([*workers, late], leader: 1, follower: 2)
    expect_all_to_read([*workers, late], "second")
    ask(workers.find { |worker| role_of(worker) == :leader }, "EtcdDiscovery.stop; nil")
    expect_soon("another leader") { [*workers, late].any? { |worker| role_of(worker) == :leader } }
    expect_one_watch
  end
end
