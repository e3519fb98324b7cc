# frozen_string_literal: true

require_relative "promises"

RSpec.describe "Passenger" do
  include_context "with one server for all examples"

  def serve_passenger(...)
    serve(Harness::PassengerServer, ...)
  rescue Harness::PassengerServer::CannotRun => e
    skip e.message
  end

  context "with smart spawning, where a preloader forks, and the hook" do
    before(:context) { serve_passenger(spawn_method: "smart") }

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"
  end

  context "with direct spawning" do
    before(:context) { serve_passenger(spawn_method: "direct") }

    it_behaves_like "a server whose processes follow etcd"
  end
end
