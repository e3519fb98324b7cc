# frozen_string_literal: true

RSpec.describe "a registration in a cluster of three" do
  let(:cluster) { start_cluster }

  def key = "/service/b/one"

  # While a leader is being elected, no member knows.
  def present?
    cluster.ctl.get(key) == "10.1.1.60:8081"
  rescue Harness::Etcdctl::Failed
    false
  end

  def leader
    cluster.members.find do |member|
      JSON.parse(member.ctl.run("endpoint", "status", "--write-out=json")).first["Status"].then do |status|
        status["leader"] == status["header"]["member_id"]
      end
    end
  end

  before do
    reader = client(cluster.endpoints, "/service/", backoff_cap: 0.5)
    @registration = reader.register("b", "10.1.1.60:8081", id: "one", ttl: 5).wait(timeout: 60)
  end

  it "stays when the leader is killed" do
    wait_until("a leader") { leader }.kill9
    renewals = @registration.to_h.fetch(:renewals)
    expect_soon("renewals by another leader", timeout: 90) do
      @registration.to_h.fetch(:renewals) > renewals + 1
    end
    expect_soon("the key", timeout: 90) { present? && @registration.state == :registered }
  end

  it "stays, or comes back, when all members are restarted" do
    cluster.members.each(&:kill9)
    cluster.start
    expect_soon("the key", timeout: 90) { present? && @registration.state == :registered }
  end
end
