# frozen_string_literal: true

require_relative "host"

# A master that leads, as with `preload_app` and a read at the top level. It forks a worker for each line that
# it hears. After "pass on" that worker hears the next lines, and forks a worker of its own. All of them read
# once or twice, and stay.
LEADING_MASTER = <<~'RUBY'
  connect "/service/", host_copy: ENV.fetch("FOLDER"), boot_timeout: 120
  wait_until("its role") { EtcdDiscovery.status.role == :leader }
  report EtcdDiscovery["/service/0"].size
  work = lambda do
    while (line = hear)
      passes_on = line.chomp == "pass on"
      fork do
        EtcdDiscovery["/service/0"]
        wait_until("its role") { EtcdDiscovery.status.role == :follower }
        EtcdDiscovery["/service/1"]
        report Process.pid
        work.call if passes_on
        sleep
      end
      sleep if passes_on
    end
  end
  work.call
RUBY

RSpec.describe "the memory of workers whose master leads" do
  include_context "with a host"

  let(:etcd) { start_etcd(flags: %w[--max-txn-ops=250]) }

  keys = 2_000
  bytes = 4_000

  # A content of more than the least garbage for which the leader goes on to another segment.
  define_method(:change_all) { |round| put_all(keys, bytes, round, at_once: 250) }

  define_method(:master) do
    change_all("first")
    process = ruby_process(LEADING_MASTER, etcd, env: { "FOLDER" => folder })
    expect(process.heard(timeout: 120)).to eq bytes
    process
  end

  # The numbers of the files in shared memory that a process maps: the control page, and segments.
  def mapped(pid)
    File.readlines("/proc/#{pid}/maps").grep(%r{/memfd:etcd_discovery}).map { |line| line.split[4] }.uniq
  end

  def held_open(pid) = Harness::ProcessTable.descriptors(pid).grep(%r{\A/memfd:etcd_discovery}).size

  def change_all_until_the_leader_goes_on(process)
    before = mapped(process.pid)
    expect_soon("another segment") do
      change_all(rand.to_s)
      (before - mapped(process.pid)).any?
    end
  end

  # The control page, the present segment, and at most one former or coming one.
  def expect_few_segments(pids)
    expect_soon("few segments in #{pids.size} processes") do
      pids.flat_map { |pid| mapped(pid) }.uniq.size <= 3
    end
    expect(pids.map { |pid| held_open(pid) }).to all(eq(1))
  end

  {
    "whenever each of them was forked" => "stay",
    "also if workers fork workers" => "pass on"
  }.each do |condition, word|
    it "is in the present segment and at most one former one, #{condition}" do
      process = master
      workers = Array.new(3) do
        process.tell(word)
        process.heard.tap { change_all_until_the_leader_goes_on(process) }
      end
      expect_few_segments(workers)
    end
  end

  it "is in no segment if the worker cannot use the folder any more" do
    etcd.ctl.put("/service/b", "first")
    process = ruby_process(<<~'RUBY', etcd, env: { "FOLDER" => folder })
      connect "/service/", host_copy: ENV.fetch("FOLDER")
      wait_until("its role") { EtcdDiscovery.status.role == :leader }
      require "fileutils"
      FileUtils.rm_rf(ENV.fetch("FOLDER"))
      File.write(ENV.fetch("FOLDER"), "")
      fork do
        EtcdDiscovery["/service/b"]
        wait_until("its own watch") { EtcdDiscovery.status.host_copy_error && EtcdDiscovery.status.state == :watching }
        report Process.pid
        sleep
      end
      sleep
    RUBY
    # The control page.
    expect(mapped(process.heard).size).to eq 1
  end
end
