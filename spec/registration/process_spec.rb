# frozen_string_literal: true

RSpec.describe "a process that has registered" do
  let(:etcd) { start_etcd }

  def key = "/service/b/one"

  # The TTL is short if an example waits for its end. Otherwise a missing key shows that it was removed.
  def register(options = "", ttl: 10)
    announcement = %(EtcdDiscovery.register("b", "10.1.1.60:8081", id: "one", ttl: #{ttl}#{options}))
    "registration = #{announcement}.wait(timeout: 30)\n"
  end

  it "removes its registration when it ends, and when TERM ends it" do
    ending = ruby_process("connect '/service/'\n#{register}report true\nhear", etcd)
    ending.heard
    expect(etcd.ctl.get(key)).not_to be_nil
    ending.tell
    ending.finish
    expect(etcd.ctl.get(key)).to be_nil

    asked = ruby_process("connect '/service/'\n#{register}report true\nhear", etcd)
    asked.heard
    asked.signal(:TERM)
    asked.finish
    expect(etcd.ctl.get(key)).to be_nil
  end

  # etcd ends a lease up to a second late; a busy machine later.
  it "is gone from etcd when it was killed and its TTL is over" do
    process = ruby_process("connect '/service/'\n#{register(ttl: 2)}report true\nhear", etcd)
    process.heard
    expect(etcd.ctl.granted_ttl(etcd.ctl.lease_of(key))).to eq 2
    process.signal(:KILL)
    expect_soon("the lease to run out", timeout: 2 + 8) { etcd.ctl.get(key).nil? }
  end

  it "loses it with liveness when the application hangs, and gets it back" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      #{register(', liveness: 5', ttl: 2)}
      report true
      touching = Thread.new { loop { registration.touch; sleep 0.2 } }
      hear
      touching.kill
      hear
      registration.touch
      report wait_until("the registration", 60) { registration.state == :registered }
      registration.touch while sleep(0.2)
    RUBY
    process.heard
    expect(etcd.ctl.get(key)).not_to be_nil
    process.tell
    expect_soon("the key of the hanging process to run out", timeout: 60) { etcd.ctl.get(key).nil? }
    process.tell
    expect(process.heard(timeout: 90)).to be true
    expect(etcd.ctl.get(key)).not_to be_nil
  end

  it "loses it when a liveness block returns false, and gets it back when it returns true" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      alive = true
      registration = EtcdDiscovery.register("b", "a:1", id: "one", ttl: 2, liveness: -> { alive })
      registration.wait(timeout: 30)
      report true
      hear
      alive = false
      hear
      alive = true
      report wait_until("the registration", 60) { registration.state == :registered }
      hear
    RUBY
    process.heard
    process.tell
    expect_soon("the key to run out", timeout: 60) { etcd.ctl.get(key).nil? }
    process.tell
    expect(process.heard(timeout: 90)).to be true
  end

  it "registers again after it was stopped for three times the TTL and continued" do
    process = ruby_process("connect '/service/'\n#{register(ttl: 2)}report true\nhear", etcd)
    process.heard
    process.signal(:STOP)
    expect_soon("the lease to run out", timeout: 60) { etcd.ctl.get(key).nil? }
    process.signal(:CONT)
    expect_soon("the key", timeout: 60) { etcd.ctl.get(key) }
  end

  it "is its only owner: a forked child neither renews nor revokes it, whatever its at_exit blocks do" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      #{register}
      lease = registration.lease
      child = fork do
        at_exit do
          registration.deregister
          EtcdDiscovery.stop
        end
        EtcdDiscovery.after_fork
        registration.touch
        report [registration.owned?, registration.state, EtcdDiscovery.status.registrations]
      end
      Process.wait(child)
      GC.start
      report [registration.owned?, registration.state, registration.lease == lease]
      hear
    RUBY
    expect(process.heard).to eq [false, "lost", []]
    expect(process.heard).to eq [true, "registered", true]
    expect(etcd.ctl.get(key)).not_to be_nil
  end

  it "may also register in forked children, each for itself" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      #{register}
      child = fork do
        EtcdDiscovery.register("b", "a:1", id: "two", ttl: 10).wait(timeout: 30)
        report true
        hear
      end
      Process.wait(child)
      report registration.state
      hear
    RUBY
    expect(process.heard).to be true
    expect(etcd.ctl.read_prefix("/service/b/").keys).to eq %w[/service/b/one /service/b/two]
    process.tell
    expect(process.heard(timeout: 60)).to eq "registered"
    expect(etcd.ctl.read_prefix("/service/b/").keys).to eq %w[/service/b/one]
  end
end
