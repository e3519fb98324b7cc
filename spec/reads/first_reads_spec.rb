# frozen_string_literal: true

RSpec.describe "first reads of many threads without any configure" do
  it "share one default client" do
    etcd = start_etcd
    env = { "ETCDDISCOVERY_ENDPOINTS" => etcd.endpoint, "ETCDDISCOVERY_WATCH" => "/a/" }
    process = ruby_process(<<~'RUBY', etcd, env:)
      # Lets other threads run while one makes the client.
      TracePoint.new(:call) { |point| sleep 0.05 if point.method_id == :warnings }.enable
      threads = Array.new(20) { Thread.new { EtcdDiscovery.client } }
      report threads.map { |thread| thread.value.object_id }.uniq.size
    RUBY
    expect(process.heard).to eq 1
  end

  it "of a snapshot do not block each other if Ruby switches threads in the middle" do
    etcd = start_etcd
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      # As a debugger or a profiler does: runs Ruby code when a C function is called.
      TracePoint.new(:c_call) { |point| sleep 0.05 if point.method_id == :const_get }.enable
      threads = Array.new(2) { Thread.new { EtcdDiscovery.snapshot.size } }
      report threads.map(&:value)
    RUBY
    expect(process.heard).to eq [0, 0]
  end
end
