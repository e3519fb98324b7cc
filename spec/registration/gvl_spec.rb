# frozen_string_literal: true

RSpec.describe "a registered process that holds the GVL for three times the TTL" do
  let(:etcd) { start_etcd }

  def key = "/service/b/one"

  # Hangs on request, and reports for how long no other Ruby thread ran. Integer#pow with a modulus is one
  # call of C that never releases the GVL, and lasts as long as its exponent has bits.
  def hanging(options = "")
    ruby_process(<<~'RUBY'.sub("OPTIONS", options), etcd)
      connect "/service/"
      registration = EtcdDiscovery.register("b", "10.1.1.60:8081", id: "one", ttl: 3 OPTIONS)
      registration.wait(timeout: 30)
      longest = 0
      Thread.new do
        last = now
        loop do
          sleep 0.01
          longest = [longest, now - last].max
          last = now
        end
      end
      lease = registration.lease
      report registration.key
      hear
      modulus = (1 << 20_000) - 1 # Ruby divides without the GVL from 640,000 bits on
      bits = 1_000
      until longest >= 9
        started = now
        3.pow(1 << bits, modulus)
        bits = (bits * 10 / (now - started)).ceil # for 10 s, if the machine keeps its speed
        sleep 0.05 # the other thread's turn
      end
      same = registration.lease == lease
      wait_until("the registration", 60) { registration.state == :registered }
      report [longest, same]
      hear
    RUBY
  end

  it "keeps its registration: the heartbeat needs no Ruby" do
    watch = watch_keys(etcd)
    process = hanging
    expect(process.heard).to eq key
    process.tell
    held, same_lease = process.heard(timeout: 120)
    expect(held).to be >= 9
    expect(same_lease).to be true
    watch.catch_up(etcd.ctl)
    expect(watch.events(key).map(&:type)).to eq [:put]
  end

  it "with liveness: loses it while it hangs, and gets it back" do
    watch = watch_keys(etcd)
    process = hanging(", liveness: -> { true }")
    process.heard
    process.tell
    lost = watch.await(key, timeout: 120) { |event| event.type == :delete }
    expect(process.heard(timeout: 120).first).to be >= 9
    expect(watch.await(key, since: lost.at) { |event| event.type == :put }).not_to be_nil
  end
end
