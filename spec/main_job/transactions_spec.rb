# frozen_string_literal: true

RSpec.describe "a transaction" do
  # Reads snapshots as fast as it can while the block writes. Returns the sets of values that the given keys
  # had together, one for every different state that was seen.
  def states_seen_while(reader, keys, &block)
    state = -> { reader.snapshot.then { |snapshot| keys.map { |key| snapshot[key] } } }
    seen = [state.call]
    writing = Thread.new(seen, &block)
    wait_until("the last transaction", timeout: 120, every: 0) do
      now = state.call
      seen << now unless seen.last == now
      now.last == "last"
    end
    writing.join
    seen
  end

  it "across two prefixes appears at once: no snapshot shows half of it" do
    etcd = start_etcd
    reader = client(etcd, "/a/", "/b/").tap(&:start)
    keys = %w[/a/x /b/y /b/x /a/y]

    seen = states_seen_while(reader, keys) do
      [*1..60, "last"].each { |n| etcd.ctl.transaction(*keys.map { |key| [:put, key, n.to_s] }) }
    end

    expect(seen.map(&:uniq).map(&:size)).to all(eq(1))
    expect(seen.size).to be > 10 # otherwise nothing was watched
  end

  it "also appears at once in a catch-up that is too large for one message" do
    etcd = start_etcd
    proxy = start_proxy(etcd)
    reader = client(proxy, "/a/", "/b/").tap(&:start)
    keys = Array.new(100) { |n| ["/a/#{n}", "/b/#{n}"][n % 2] }
    padding = "p" * 13_000 # 100 of these are just under etcd's limit for one request

    proxy.refuse
    12.times { |n| etcd.ctl.transaction(*keys.map { |key| [:put, key, "#{n}#{padding}"] }) }
    seen = states_seen_while(reader, keys) do |states|
      proxy.pass
      wait_until("the catch-up to be seen") { states.last.last == "11#{padding}" }
      etcd.ctl.transaction(*keys.map { |key| [:put, key, "last"] })
    end

    expect(seen.map(&:uniq).map(&:size)).to all(eq(1))
    expect(seen.size).to be > 2
  end
end
