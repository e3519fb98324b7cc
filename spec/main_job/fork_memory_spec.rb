# frozen_string_literal: true

require "tmpdir"

# A worker that follows, and tells how much memory it has for itself alone after each complete change.
FORKED_WORKER = <<~'RUBY'
  settings = ENV["COPY"] ? { cache_path: ENV["COPY"] } : {}
  connect "/memory/", **settings
  report "connected"
  hear
  in_child do
    EtcdDiscovery["/memory/0"]
    wait_until("the child's own watch") { EtcdDiscovery.status.state == :watching }
    loop do
      GC.start
      text = File.read("/proc/self/smaps_rollup")
      report text.scan(/^Private_(?:Clean|Dirty):\s+(\d+)/).flatten.sum(&:to_i) * 1_024
      round = Integer(hear)
      wait_until("all changes") { EtcdDiscovery.integer("/memory/round") == round }
    end
  end
RUBY

RSpec.describe "the memory of a forked child" do
  let(:etcd) { start_etcd(flags: %w[--max-txn-ops=500]) }
  let(:folder) { Dir.mktmpdir("memory-") }

  after { FileUtils.rm_rf(folder) }

  keys = 20_000
  bytes = 1_000

  define_method(:change_all) do |round|
    (0...keys).each_slice(500) do |numbers|
      puts = numbers.map { |number| [:put, "/memory/#{number}", round.to_s.rjust(bytes, "v")] }
      etcd.ctl.transaction(*puts)
    end
    etcd.ctl.put("/memory/round", round.to_s)
  end

  # What the child gets for itself with each complete change, in copies of the content.
  define_method(:copies_after) do |rounds, env = {}, &before_fork|
    change_all(0)
    # With one arena per thread, glibc may not reuse in one thread what another has freed. Leave that out.
    process = ruby_process(FORKED_WORKER, etcd, env: { "MALLOC_ARENA_MAX" => "1", **env })
    process.heard
    before_fork&.call
    process.tell
    fresh = process.heard
    (1..rounds).map do |round|
      change_all(round)
      process.tell(round)
      (process.heard - fresh).fdiv(keys * (bytes + 60))
    end
  end

  it "is that of one copy after every key has changed, once or several times" do
    expect(copies_after(2)).to all(be < 1.5)
  end

  it "is that of one copy also while the parent writes one to disk" do
    path = File.join(folder, "copy")
    copies = copies_after(1, { "COPY" => path }) { wait_until("the copy on disk") { File.exist?(path) } }
    expect(copies).to all(be < 1.5)
  end
end
