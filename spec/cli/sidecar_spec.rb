# frozen_string_literal: true

require "open3"
require "rbconfig"

RSpec.describe "etcd_discovery register" do
  let(:etcd) { start_etcd }

  # The command inherits it, and would ignore HUP if this process runs under `nohup`.
  around do |example|
    former = trap("HUP", "DEFAULT")
    example.run
  ensure
    trap("HUP", former)
  end

  def key = "/service/b/one"

  # The command is a piece of Ruby.
  def sidecar(code, endpoint: etcd.endpoint)
    words = ["register", "b", "10.1.1.60:8081", "--id", "one", "--ttl", "60", "--", RbConfig.ruby, "-e", code]
    talking_process(*command_line("--endpoints", endpoint, *words))
  end

  # The sidecar waits a second for etcd to confirm. A busy etcd may confirm later, but long before the lease
  # ends.
  def expect_withdrawn = expect_soon("the withdrawal") { etcd.ctl.get(key).nil? }

  def expect_announced = expect_soon("the instance", timeout: 60) { etcd.ctl.get(key) == "10.1.1.60:8081" }

  it "announces an instance while a command runs, and returns the command's status" do
    process = sidecar(%($stdout.sync = true; trap("USR1") { exit 7 }; puts "ready"; sleep))
    expect(process.line).to eq "ready"
    expect_announced
    expect(process.stop(:USR1).exitstatus).to eq 7
    expect_withdrawn
  end

  %w[INT TERM HUP QUIT USR1 USR2].each do |signal|
    it "passes #{signal} on to the command, and withdraws the instance when the command has ended" do
      answer = %(trap("#{signal}") { puts "told"; exit 3 })
      process = sidecar(%($stdout.sync = true; #{answer}; puts "ready"; sleep))
      expect(process.line).to eq "ready"
      expect_announced
      expect(process.stop(signal).exitstatus).to eq 3
      expect(process.line).to eq "told"
      expect_withdrawn
    end
  end

  it "withdraws the instance of a command that a signal ended, and names the signal" do
    process = sidecar(%($stdout.sync = true; puts Process.pid; sleep))
    pid = Integer(process.line)
    expect_announced
    Process.kill(:KILL, pid)
    expect(process.wait.exitstatus).to eq 128 + 9
    expect_withdrawn
  end

  it "says that a command cannot be started, and announces nothing" do
    words = %w[register b 10.1.1.60:8081 --id one -- /no/such/command]
    out, err, status = Open3.capture3(*command_line("--endpoints", etcd.endpoint, *words))
    expect([out, err, status.exitstatus]).to match ["", %r{/command cannot be started: No such file}, 127]
    expect(etcd.ctl.get(key)).to be_nil
  end

  it "holds the registration without a command until it is asked to end" do
    words = %w[register b 10.1.1.60:8081 --id one --ttl 60]
    process = talking_process(*command_line("--endpoints", etcd.endpoint, *words))
    expect_announced
    expect(process.stop.exitstatus).to eq 0
    expect_withdrawn
  end

  it "runs its command while etcd is away, and announces it once etcd is back" do
    proxy = start_proxy(etcd)
    proxy.refuse
    process = sidecar(%($stdout.sync = true; puts "ready"; sleep), endpoint: proxy.endpoint)
    expect(process.line).to eq "ready"
    proxy.pass
    expect_announced
    expect(process.stop.exitstatus).to eq 128 + 15
  end

  it "keeps the command and its registration together when no one reads its output" do
    proxy = start_proxy(etcd)
    proxy.refuse
    code = %($stdout.sync = true; puts "ready"; sleep)
    words = ["register", "b", "10.1.1.60:8081", "--id", "one", "--ttl", "60", "--", RbConfig.ruby, "-e", code]
    listed = command_line("--endpoints", proxy.endpoint, *words)
    process = talking_process("sh", "-c", 'exec "$@" 2>&-', "sh", *listed)
    expect(process.line).to eq "ready"
    proxy.pass
    expect_announced
    expect(process.stop.exitstatus).to eq 128 + 15
    expect_withdrawn
  end

  it "keeps a hangup from itself and from the command under nohup" do
    code = %($stdout.sync = true; puts "ready"; sleep)
    words = ["register", "b", "10.1.1.60:8081", "--id", "one", "--ttl", "60", "--", RbConfig.ruby, "-e", code]
    listed = command_line("--endpoints", etcd.endpoint, *words)
    process = talking_process("sh", "-c", 'trap "" HUP; exec "$@"', "sh", *listed)
    expect(process.line).to eq "ready"
    Process.kill(:HUP, process.pid)
    expect_announced
    expect(process.stop.exitstatus).to eq 128 + 15
  end

  it "refuses wrong arguments before it runs anything" do
    words = %w[register b 10.1.1.60:8081 --ttl 0 -- /bin/echo ran]
    out, err, status = Open3.capture3(*command_line("--endpoints", etcd.endpoint, *words))
    expect([out, err, status.exitstatus]).to match ["", /ttl: 0 is not/, 2]
  end
end
