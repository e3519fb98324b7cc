# frozen_string_literal: true

require_relative "promises"

RSpec.describe "a daemon that has connected before" do
  include_context "with one server for all examples"

  before(:context) { serve(Harness::DaemonServer) }

  it_behaves_like "a server whose processes follow etcd"

  it "has listed once in all, and does not keep what was registered before" do
    expect_all_to_follow
    expect(proxy.stats.fetch("down")).to be < 2 * listing
    expect(server.get.values_at("owned", "registrations")).to eq [false, []]
  end
end
