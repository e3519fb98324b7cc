# frozen_string_literal: true

require "fileutils"
require "tmpdir"

# A folder in which the processes of one host meet, and the processes of a host.
module HostCopy
  # The code of a process that evaluates each line it hears and reports the result.
  MEMBER = <<~'RUBY'
    settings = JSON.parse(ENV.fetch("SETTINGS"), symbolize_names: true)
    # Not to each change, which would make Strings of all values.
    EtcdDiscovery.subscribe(*EtcdDiscovery::EventType::ALL.map(&:name) - [:change]) { |event| (@events ||= []) << event.name }
    connect(*settings.delete(:watch), **settings)
    report "ready"
    while (line = hear)
      report eval(line)
    end
  RUBY

  # A folder that is removed after the processes that meet there have ended.
  Folder = Struct.new(:path) do
    def close = FileUtils.rm_rf(path)
  end

  module_function

  # The process that holds a lock in `folder`, as the kernel knows it: independent of what the gem says.
  def lock_holder(folder)
    inodes = Dir[File.join(folder, "*.lock")].map { |path| File.stat(path).ino.to_s }
    lines = File.readlines("/proc/locks", chomp: true).map(&:split)
    held = lines.find { |words| words[1] == "POSIX" && inodes.include?(words[5].split(":").last) }
    held && Integer(held[4])
  end
end

RSpec.shared_context "with a host" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "first") } }
  let(:folder) { new_folder }
  # Shorter than the defaults, so that faults are noticed in seconds.
  let(:quick) { { progress_interval: 0.3, request_timeout: 1, connect_timeout: 1, backoff_cap: 0.5 } }

  def new_folder = Harness::Cleanup.add(HostCopy::Folder.new(Dir.mktmpdir("host-"))).path

  # A process of the host that runs and has read.
  def member(server = etcd, **settings)
    given = { watch: ["/service/"], host_copy: folder, **settings }
    process = ruby_process(HostCopy::MEMBER, server, env: { "SETTINGS" => JSON.generate(given) })
    expect(process.heard(timeout: 60)).to eq "ready"
    process
  end

  def ask(process, code)
    process.tell(code.tr("\n", ";"))
    process.heard(timeout: 60)
  end

  def value_of(process) = ask(process, 'EtcdDiscovery["/service/b"]')

  def role_of(process) = ask(process, "EtcdDiscovery.status.role").to_sym

  # A leader and `count` followers.
  def leader_and_followers(count, server = etcd, **settings)
    leader = member(server, **settings)
    expect_soon("a leader") { role_of(leader) == :leader }
    followers = Array.new(count) { member(server, **settings) }
    followers.each { |process| expect_soon("a follower") { role_of(process) == :follower } }
    [leader, *followers]
  end

  def expect_all_to_read(processes, value)
    etcd.ctl.put("/service/b", value)
    processes.each { |process| expect_soon("#{value} in #{process.pid}") { value_of(process) == value } }
  end

  def watches = etcd.metric("etcd_debugging_mvcc_watcher_total")

  def expect_one_watch
    expect_soon("one watch at etcd") { watches == 1 }
  end
end
