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
end
