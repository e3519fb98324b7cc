# frozen_string_literal: true

# Every 50 ms something is written and all history before it is compacted. So no listing of several pages can
# be read at one revision, and no watch can start where a listing ended.
RSpec.describe "a history that is compacted faster than the keys are listed" do
  let(:etcd) { start_etcd(flags: %w[--max-txn-ops=1000]) }
  let(:written) { {} } # What each revision changed.

  def key(number) = "/service/rack/#{number % 97}/instance/#{number}"

  def fill(count)
    (0...count).each_slice(1_000) do |slice|
      etcd.ctl.transaction(*slice.map { |number| [:put, key(number), "10.1.1.60:#{number}"] })
    end
    bytes((0...count).to_h { |number| [key(number), "10.1.1.60:#{number}"] })
  end

  # Runs the example while it commits the operations that the block makes from a number, and compacts.
  def storm(**user)
    gateway = Harness::Gateway.new([etcd.port], **user)
    over = false
    thread = Thread.new do
      (1..).each do |number|
        break if over

        changes = yield number
        revision = gateway.commit(changes)
        written[revision] = changes
        gateway.compact(revision)
        sleep 0.05
      end
    end
    -> { (over = true) && thread.value }
  end

  # The content at a revision of an etcd that held `content` and was then written only by the storm.
  def content_at(revision, content)
    content = content.dup
    written.select { |at, _| at <= revision }.sort.each do |_, changes|
      changes.each { |kind, name, value| kind == :put ? content[name.b] = value.b : content.delete(name.b) }
    end
    content
  end

  def expect_exact(snapshots, content)
    wrong = snapshots.reject do |snapshot|
      expected = content_at(snapshot.revision, content)
      bytes(snapshot.to_h) == expected.select { |name, _| name.start_with?("/service/", "/config/") }
    end
    expect(wrong.map(&:revision)).to eq []
  end

  def follow(*prefixes, **settings)
    settings = { boot_timeout: 60, max_staleness: 3, progress_interval: 0.5, **settings }
    client(etcd, *prefixes, **settings).tap(&:start)
  end

  # Collects this many snapshots of different revisions.
  def collect(reader, count)
    (1..count).each_with_object([reader.snapshot]) do |_, snapshots|
      seen = snapshots.last.revision
      wait_until("a later revision", timeout: 30) { reader.snapshot.revision > seen }
      snapshots << reader.snapshot
    end
  end

  def expect_fresh(reader)
    expect_soon("a fresh copy", timeout: 60) { !reader.stale? && reader.status.state == :watching }
  end

  it "is copied exactly, and followed, while the watched keys change" do
    content = fill(20_000)
    over = storm { |n| [[:put, "/service/storm", n.to_s], [:delete, key(n)], [:put, key(20_000 + n), "new"]] }
    reader = follow("/service/")
    snapshots = collect(reader, 10)
    expect_fresh(reader)
    over.call
    wait_until("the last revision") { reader.snapshot.revision >= written.keys.max }
    expect_exact(snapshots << reader.snapshot, content)
    expect(reader.status.last_error.message).to include "compacts its history faster", "let it keep more"
    expect(reader.status.reconnects).to be <= 1
  end

  it "is copied exactly, and fresh, while only other keys change" do
    content = fill(20_000)
    over = storm { |n| [[:put, "/elsewhere", n.to_s]] }
    reader = follow("/service/")
    expect_fresh(reader)
    revision = etcd.ctl.put(key(7), "10.1.1.60:7") # The same value, so that the content stays the same.
    wait_until("the put", timeout: 30) { reader.snapshot.revision >= revision }
    expect_exact([reader.snapshot], content)
    over.call
  end

  it "is copied exactly, and followed, by a user who may read only the watched prefixes" do
    content = fill(20_000)
    users = Harness::EtcdUsers.new(etcd).add("app", "app-secret", prefix: "/service/")
    etcd.ctl.run("role", "grant-permission", "app-role", "read", "--prefix=true", "/config/")
    users.enforce
    over = storm(user: "root", password: "root-secret") do |n|
      [[:put, key(n), "changed"], [:put, "/between", n.to_s], [:put, "/config/flag", n.to_s]]
    end
    reader = follow("/config/", "/service/", user: "app", password: "app-secret")
    expect_fresh(reader)
    snapshots = collect(reader, 5)
    over.call
    expect_exact(snapshots, content)
  end
end
