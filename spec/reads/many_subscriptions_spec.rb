# frozen_string_literal: true

RSpec.describe "a change among many subscriptions" do
  let(:store) { EtcdDiscovery::Client.new(source: "memory", watch: [""]) }
  let(:received) { [] }
  let(:subscriptions) { [] }
  # Every call that a subscription receives.
  let(:asked) { [] }

  after { store.stop }

  def settle = EtcdDiscovery::Testing.settle(timeout: 60)

  def subscribe(target, **options)
    subscriptions << store.on_change(target, **options) do |change|
      received << [target, change.value, change.previous]
    end
  end

  def count_work
    asked = self.asked
    log = Module.new do
      define_method(:tell_change) { |change| (asked << target) && super(change) }
      define_method(:changes_until) { |snapshot| (asked << :compared) && super(snapshot) }
    end
    subscriptions.each { |subscription| subscription.extend(log) }
  end

  it "calls those whose key or prefix matches, and compares nothing for the others" do
    2_000.times do |n|
      subscribe("/a/#{n}")
      subscribe("/a/#{n}/")
    end
    ["/a/", "", "/a/7/b", "/a/7/b/"].each { |target| subscribe(target) }
    settle
    count_work
    store.put("/a/7/b", "1")
    settle
    expect(asked).to contain_exactly("", "/a/", "/a/7/", "/a/7/b")
    asked.clear
    store.put("/a/7", "1")
    settle
    expect(asked).to contain_exactly("", "/a/", "/a/7")
  end

  it "calls blocks in the order of subscribing, each with its changes in the order of revisions" do
    targets = ["/a/y", "/a/", "/a/x", "", "/a/y"]
    targets.each { |target| subscribe(target) }
    settle
    gate = Queue.new
    entered = Queue.new
    store.on_change("/gate") { (entered << true) && gate.pop }
    settle
    store.put("/gate", "closed")
    entered.pop
    received.clear
    store.put("/a/y", "1")
    store.put("/a/x", "2")
    gate << :go
    settle
    expect(received.map { |target, value, _| [target, value] })
      .to eq [["/a/y", "1"], ["/a/", "1"], ["/a/", "2"], ["/a/x", "2"], ["", "1"], ["", "2"], ["/a/y", "1"]]
  end

  it "shares a long value with reads, and so keeps it in memory once" do
    changes = Queue.new
    store.on_change("/a/x") { |change| changes << change }
    store.put("/a/x", "v" * 5_000)
    expect(changes.pop.value).to equal(store["/a/x"])
  end

  it "reaches a new subscription from what it knew, and older ones from what they knew" do
    store.put("/a/x", "0")
    gate = Queue.new
    entered = Queue.new
    store.on_change("/a/gate") { (entered << true) && gate.pop }
    subscribe("/a/x")
    settle
    store.put("/a/gate", "closed")
    entered.pop
    store.put("/a/x", "1")
    subscribe("/a/") # knows 1
    subscribe("/a/x", initial: true) # knows nothing
    store.put("/a/x", "2")
    gate << :go
    settle
    expect(received.select { |_, value, _| value == "2" })
      .to contain_exactly(["/a/x", "2", "0"], ["/a/", "2", "1"], ["/a/x", "2", nil])
  end

  it "does not reach a cancelled one, whichever of those with its target it was" do
    same = Array.new(3) { |n| store.on_change("/a/x") { received << n } }
    settle
    same[1].cancel
    store.put("/a/x", "1")
    settle
    expect(received).to eq [0, 2]
    same.each(&:cancel)
    store.put("/a/x", "2")
    settle
    expect(received).to eq [0, 2]
    expect(store.change_feed).not_to be_any
  end

  it "reaches subscriptions that a block adds, and not those that it cancels, from then on" do
    later = nil
    cancelled = store.on_change("/a/z") { received << :cancelled }
    store.on_change("/a/x") do
      cancelled.cancel
      later ||= store.on_change("/a/x") { |change| received << change.value }
    end
    settle
    store.put("/a/x", "1")
    settle
    store.put("/a/z", "1")
    store.put("/a/x", "2")
    settle
    expect(received).to eq ["2"]
  end

  it "finds its subscribers by bytes, whatever the encodings are" do
    key = "/a/\xE4".b
    [key, "#{key}/".b, "/a/\u00E4/"].each do |target|
      store.on_change(target) { |change| received << [target, change.key] }
    end
    settle
    store.put(key, "1")
    store.put("/a/\u00E4/b".b, "1")
    settle
    expect(received).to contain_exactly([key, key], ["/a/\u00E4/", "/a/\u00E4/b"])
  end
end
