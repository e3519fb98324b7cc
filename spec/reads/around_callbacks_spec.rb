# frozen_string_literal: true

RSpec.describe "EtcdDiscovery.around_callbacks" do
  it "wraps each call of a block, and needs a block itself" do
    process = ruby_process(<<~RUBY, start_etcd)
      connect "/a/"
      EtcdDiscovery.around_callbacks { |callback| report "before"; callback.call; report "after" }
      EtcdDiscovery.on_change("/a/") { |change| report change.value }
      EtcdDiscovery.put("/a/x", "1")
      hear
    RUBY
    expect(Array.new(3) { process.heard }).to eq %w[before 1 after]
    expect { EtcdDiscovery.around_callbacks }.to raise_error(ArgumentError)
  end
end
