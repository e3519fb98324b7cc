# frozen_string_literal: true

require_relative "promises"

RSpec.describe "Sidekiq" do
  include_context "with one server for all examples"

  before(:context) { serve(Harness::SidekiqServer) }

  it_behaves_like "a server whose processes follow etcd"

  it "TERM: takes its registration along", :aggregate_failures do
    expect(announced).to eq ["/service/booted/#{server.master_pid}"]
    server.stop
    expect_soon("nothing announced") { announced.empty? }
    server.start
  end
end
