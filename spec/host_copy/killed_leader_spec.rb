# frozen_string_literal: true

require_relative "host"

# Writes two keys with equal values in each transaction, and nothing else: so the number that belongs to a
# revision is known. It ends with a transaction that says so.
HOST_WRITER = <<~'RUBY'
  writer = EtcdDiscovery::Client.new(endpoints:, watch: ["/elsewhere/"], host_copy: false)
  report "ready"
  number = 0
  done = false
  Thread.new { done = hear }
  until done
    writer.transaction { |t| t.put("/service/a", (number += 1).to_s).put("/service/b", number.to_s) }
    sleep 0.002 # about as fast as the promise is made for
  end
  writer.transaction do |t|
    t.put("/service/a", (number += 1).to_s).put("/service/b", number.to_s).put("/service/last", number.to_s)
  end
  report number
RUBY

# Starts processes, each of which joins the host by itself and checks all that it reads, and replaces those
# that end.
HOST_SUPERVISOR = <<~'RUBY'
  # Reads until the last transaction, and says what was wrong.
  def check(first)
    revision = value = reads = 0
    loop do
      snapshot = EtcdDiscovery.snapshot
      pair = %w[/service/a /service/b].map { |key| Integer(snapshot[key]) }
      pair.uniq.size == 1 or return "torn: #{pair} at revision #{snapshot.revision}"
      snapshot.revision >= revision or return "older: revision #{snapshot.revision} after #{revision}"
      pair.first >= value or return "older: #{pair.first} after #{value}"
      pair.first == snapshot.revision - first or return "never written: #{pair.first} at #{snapshot.revision}"
      revision = snapshot.revision
      value = Integer(EtcdDiscovery["/service/a"])
      value >= pair.first or return "older: a read of #{value} after a snapshot with #{pair.first}"
      reads += 1
      return { value:, reads: } if snapshot.key?("/service/last")
      sleep 0.005
    end
  end

  def start_one
    fork do
      connect "/service/", host_copy: ENV.fetch("FOLDER"), boot_timeout: 60
      result = check(Integer(ENV.fetch("FIRST")))
      report result.is_a?(Hash) ? { pid: Process.pid, **result } : { failure: "process #{Process.pid} read #{result}" }
      sleep
    rescue Exception => e
      report({ failure: "in process #{Process.pid}: #{e.full_message(highlight: false)}" })
    end
  end

  Integer(ENV.fetch("SIZE")).times { start_one }
  report "started"
  loop do
    Process.wait
    start_one
  end
RUBY

RSpec.describe "processes whose leader is killed again and again" do
  include_context "with a host"

  size = 12
  kills = Integer(ENV.fetch("HOST_COPY_KILLS", "20"))

  # How many transactions etcd has taken in.
  def written = etcd.metric("etcd_debugging_mvcc_txn_total")

  # Kills the leader after a random number of further changes, and waits for the next one.
  def kill_leader
    leader = expect_soon("a leader", timeout: 60) { HostCopy.lock_holder(folder) }
    moment = written + rand(0..40)
    expect_soon("#{moment} transactions", timeout: 60) { written >= moment }
    Process.kill(:KILL, leader)
    expect_soon("a leader after #{leader}", timeout: 60) do
      ![leader, nil].include?(HostCopy.lock_holder(folder))
    end
  end

  it "never read a torn, an older or an unwritten value, and share one watch in the end" do
    first = etcd.ctl.transaction(*%w[a b].map { |key| [:put, "/service/#{key}", "0"] })
    writer = ruby_process(HOST_WRITER, etcd)
    expect(writer.heard).to eq "ready"
    environment = { "FOLDER" => folder, "FIRST" => first.to_s, "SIZE" => size.to_s }
    supervisor = ruby_process(HOST_SUPERVISOR, etcd, env: environment)
    expect(supervisor.heard).to eq "started"
    kills.times { kill_leader }

    writer.tell
    last = writer.heard(timeout: 60)
    answers = Array.new(size) { supervisor.heard(timeout: 120) }
    expect(answers.map { |answer| answer[:value] }).to all(eq(last))
    expect(answers.map { |answer| answer[:pid] }.uniq.size).to eq size
    expect_one_watch
  end
end
