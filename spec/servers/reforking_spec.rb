# frozen_string_literal: true

require_relative "promises"

RSpec.describe "workers that become the molds of the next ones, like pitchfork's" do
  include_context "with one server for all examples"

  context "in the first generation" do
    before(:context) { serve(Harness::ReforkingServer) }

    it_behaves_like "a server whose processes follow etcd"
    it_behaves_like "a server that forks from a living copy"
  end

  context "in later generations", own_watch: "a leader has a socket for each follower" do
    before(:context) { serve(Harness::ReforkingServer) }

    # Files have names; the descriptors of a runtime are anonymous.
    def anonymous
      server.worker_pids.map do |pid|
        Harness::ProcessTable.descriptors(pid).grep(/\A(?:socket|anon_inode):/).size
      end
    end

    it "follow without listing, and have no more descriptors than the first" do
      expect_all_to_follow
      sent = proxy.stats.fetch("down")
      first = expect_soon("as many in each worker") { anonymous.reduce { |one, other| one if one == other } }
      4.times do
        server.refork
        expect_all_to_follow
      end
      expect(proxy.stats.fetch("down") - sent).to be < listing
      expect_soon("no more than #{first}") { anonymous.all? { |size| size <= first } }
    end
  end
end
