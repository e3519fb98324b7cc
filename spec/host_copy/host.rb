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

  # The code of a process that forks WORKERS children and passes on what it hears: a line with the number of a
  # child and a piece of code, which the child evaluates. It evaluates what is for -1 itself. It begins with
  # the code in BEFORE, and each child with that in IN_WORKER.
  MASTER = <<~'RUBY'
    require "socket"
    def settings = JSON.parse(ENV.fetch("SETTINGS"), symbolize_names: true).then { |all| [all.delete(:watch), all] }
    def take_part = settings.then { |watched, others| connect(*watched, **others, boot_timeout: 60) }
    def answer(code) = eval(code)
    eval ENV.fetch("BEFORE")
    workers = Array.new(Integer(ENV.fetch("WORKERS"))) do
      master, worker = UNIXSocket.pair
      fork do
        master.close
        eval ENV.fetch("IN_WORKER")
        while (line = worker.gets)
          worker.puts JSON.generate(answer(line))
        end
      end
      worker.close
      master
    end
    report "ready"
    while (line = hear)
      number, code = JSON.parse(line)
      next report answer(code) if number.negative?

      workers[number].puts code
      report JSON.parse(workers[number].gets || '"the worker has ended"')
    end
  RUBY

  # A worker of such a master, or the master itself.
  Worker = Struct.new(:master, :number) do
    def tell(code) = master.tell(JSON.generate([number, code]))
    def heard(timeout:) = master.heard(timeout:)
    def pid = @pid ||= tell("Process.pid").then { heard(timeout: 60) }
  end

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

  # A process of the host that runs and has read. `process` is for RubyProcess.
  def member(server = etcd, process: {}, **settings)
    env = environment(settings).merge(process.fetch(:env, {}))
    member = ruby_process(HostCopy::MEMBER, server, **process, env:)
    expect(member.heard(timeout: 60)).to eq "ready"
    member
  end

  def environment(settings)
    { "SETTINGS" => JSON.generate({ watch: ["/service/"], host_copy: folder, **settings }) }
  end

  # A process that forks workers: itself, and them.
  def master_and_workers(count, before: "take_part", in_worker: "take_part", process: {}, **settings)
    own = { "WORKERS" => count.to_s, "BEFORE" => before, "IN_WORKER" => in_worker }
    env = environment(settings).merge(own, process.fetch(:env, {}))
    master = ruby_process(HostCopy::MASTER, etcd, **process, env:)
    expect(master.heard(timeout: 60)).to eq "ready"
    Array.new(count + 1) { |number| HostCopy::Worker.new(master, number - 1) }
  end

  def ask(process, code)
    process.tell(code.tr("\n", ";"))
    process.heard(timeout: 60)
  end

  # Changes `keys` keys, to values of `bytes` that end with `round`, some of them at once.
  def put_all(keys, bytes, round, at_once:)
    (0...keys).each_slice(at_once) do |numbers|
      puts = numbers.map { |number| [:put, "/service/#{number}", round.to_s.rjust(bytes, "v")] }
      etcd.ctl.transaction(*puts)
    end
  end

  def value_of(process) = ask(process, 'EtcdDiscovery["/service/b"]')

  def role_of(process) = ask(process, "EtcdDiscovery.status.role").to_sym

  def trouble_of(process) = ask(process, "EtcdDiscovery.status.host_copy_error&.message")

  def expect_roles(processes, timeout: Harness::WaitUntil::LIMIT, **roles)
    expect_soon("the roles #{roles}", timeout:) do
      processes.map { |process| role_of(process) }.tally == roles
    end
  end

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
