# frozen_string_literal: true

# Each new connection leads to the other of two clusters, which hold different values under the same keys.
RSpec.describe "one endpoint that leads to two clusters" do
  let(:clusters) do
    %w[first second].map do |name|
      start_etcd.tap { |etcd| etcd.ctl.transaction([:put, "/service/a", name], [:put, "/service/b", name]) }
    end
  end
  let(:balancer) { start_proxy(*clusters) }
  let(:reader) { client(balancer, "/service/", progress_interval: 0.5) }

  def error = reader.status.last_error&.message.to_s

  def calls = clusters.sum { |etcd| etcd.metric("grpc_server_handled_total") }

  # What the client shows at one moment: the value of each key, its history, and its state.
  def sample
    snapshot = reader.snapshot
    status = reader.status
    { values: snapshot.to_h.values.uniq, resets: status.resets, state: status.state }
  end

  def samples_for(seconds)
    over = Harness.now + seconds
    samples = []
    while Harness.now < over
      samples << sample
      sleep 0.01
    end
    samples
  end

  # How often the values changed to the other cluster's in `samples`.
  def changes(samples) = samples.each_cons(2).count { |one, other| one[:values] != other[:values] }

  it "is asked with pauses, and reports what is wrong, what still works and what to do" do
    reader.start
    expect_soon("the error", timeout: 30) { error.include?("different clusters") }
    expect(error).to include balancer.endpoint, "the last copy is still served", "endpoints of one"
    before = calls
    states = samples_for(8).map { |one| one[:state] }.uniq
    # A few for each attempt, with a pause before it.
    expect(calls - before).to be < 200
    expect(states).to include :backoff
  end

  it "shows one cluster's content at a time, and counts a reset for each switch to the other cluster" do
    reader.start
    samples = samples_for(8)
    expect(samples.map { |one| one[:values] }.uniq - [%w[first], %w[second]]).to eq []
    expect(changes(samples)).to be <= samples.last[:resets]
    expect(reader["/service/a"]).to eq(reader["/service/b"]).or be_nil
  end

  it "is followed again once all connections lead to one of them" do
    reader.start
    expect_soon("the error", timeout: 30) { error.include?("different clusters") }
    balancer.lead_to(clusters.last.port)
    balancer.cut
    clusters.last.ctl.put("/service/a", "new")
    expect_soon("the new value", timeout: 30) { reader["/service/a"] == "new" }
    expect_soon("the watch", timeout: 30) { reader.status.state == :watching && reader.healthy? }
  end
end
