# frozen_string_literal: true

require_relative "promises"

RSpec.describe "a process for each job that leaves by exit!, like resque's" do
  include_context "with one server for all examples"

  before(:context) { serve(Harness::ScriptServer, script: "forking") }

  it_behaves_like "a server whose processes follow etcd"
  it_behaves_like "a server that forks from a living copy"
end
