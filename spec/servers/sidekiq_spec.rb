# frozen_string_literal: true

require_relative "promises"

RSpec.describe "Sidekiq", gems: %w[json] do
  include_context "with one server for all examples"

  before(:context) { serve(Harness::SidekiqServer) }

  it_behaves_like "a server whose processes follow etcd"

  it "TERM: removes its registration, and ends as Sidekiq does", :aggregate_failures do
    expect(announced).to eq ["/service/booted/#{server.master_pid}"]
    server.signal(:TERM)
    expect(server.finish.to_s).to match(/exit 0/)
    expect(announced).to be_empty
    expect(File.read(server.log)).not_to include("ThreadError")
    server.stop
    server.start
  end
end
