# frozen_string_literal: true

# What holds on every server (promises 4 and 7). The including group starts `server` once, with the small
# application behind `proxy` in front of `etcd`. Its examples leave the server running and in step with etcd.

# A server, the etcd it follows, and the proxy between them, for all examples of a group.
RSpec.shared_context "with one server for all examples" do
  attr_reader :etcd, :proxy, :server

  # Bytes over the proxy that only a listing costs, and a few connections and changes do not.
  def listing = 500_000

  # Starts the group's server; `start` gets what the server has to connect to.
  def serve(kind, **options)
    @etcd = start_etcd
    etcd.ctl.transaction(*Array.new(60) { |n| [:put, "/service/bulk/#{n}", "x" * 10_000] })
    # Waits for this, because a watch receives the last known revision once more.
    etcd.ctl.put("/service/b", "first")
    @proxy = start_proxy(etcd)
    @server = start_server(kind, proxy, **options)
  end

  def change(value = "changed #{rand(1 << 40)}")
    etcd.ctl.put("/service/b", value)
    value
  end

  def values = server.ask_all.transform_values { |answer| answer["value"] }

  # A change reaches every current worker, and each delivers it to its subscribers.
  def expect_all_to_follow(value = change)
    expect_soon("#{value} from every worker, and received there", timeout: 60) do
      answers = server.ask_all.values
      answers.any? && answers.all? { |answer| answer["value"] == value && answer["received"].last == value }
    end
    value
  end

  # The keys registered by the processes that booted the application.
  def announced = etcd.ctl.read_prefix("/service/booted/").keys

  def leases = etcd.ctl.leases.map { |lease| lease["id"] }

  def connections(pid) = Harness::ProcessTable.connections(pid, proxy.port)
end

RSpec.shared_examples "a server whose processes follow etcd" do
  it "every worker serves a change, delivers it to on_change, and lists nothing twice" do
    expect_all_to_follow
    latest = expect_all_to_follow
    expect(server.get["value"]).to eq latest
    expect(server.ask_all.values.map { |answer| answer["relists"] }.uniq).to eq [0]
  end

  it "while etcd is away every worker answers, is stale, and follows again afterwards" do
    latest = expect_all_to_follow
    etcd.kill9
    expect_soon("stale copies") { server.ask_all.values.all? { |answer| answer["stale"] } }
    expect(values.values.uniq).to eq [latest]
    expect(server.get["value"]).to eq latest
    etcd.start
    expect_all_to_follow
  end

  it "no two processes share a connection to etcd" do
    expect_all_to_follow
    per_process = expect_soon("connections of every worker") do
      all = server.worker_pids.map { |pid| connections(pid) }
      # A follower of a host copy needs none.
      all if all.all?(&:any?) || Harness::HostMode.wanted?
    end
    expect(per_process.flatten.tally.values).to all(eq(1))
  end
end

RSpec.shared_examples "a server that forks from a living copy" do
  # The connections that the parent keeps: its watch's and its registration's. A follower of a host copy has
  # the second only. After etcd was away it reconnects by itself, perhaps later than its workers.
  def connections_of_parent
    expect_soon("the parent to have its connections, and to follow") do
      answer = server.ask(server.parent_pid)
      own = connections(server.parent_pid)
      wanted = answer["role"] == "follower" ? 1 : 2
      own if own.size == wanted && answer.values_at("state", "stale") == ["watching", false]
    end
  end

  # The parent's own view of what forks did to it.
  def undisturbed = server.ask(server.parent_pid).slice("pid", "reconnects", "relists", "last_error")

  it "a process forked while etcd is away answers at once with what is known, and follows later" do
    latest = expect_all_to_follow
    etcd.kill9
    expect(server.ask(server.replace)["value"]).to eq latest
    expect(values.values.uniq).to eq [latest]
    etcd.start
    expect_all_to_follow
  end

  it "forks leave the parent's connections alone, leave none of them in a child, and cause no listing" do
    expect_all_to_follow
    own = connections_of_parent
    before = undisturbed
    sent = proxy.stats.fetch("down")
    3.times { server.replace }
    expect_all_to_follow
    # With a host copy the replaced worker may have led, and the parent takes over.
    same = Harness::HostMode.wanted? ? include(*own) : match_array(own)
    expect(connections(server.parent_pid)).to same
    expect(undisturbed).to eq before
    expect(proxy.stats.fetch("down") - sent).to be < listing
    children = server.worker_pids - [server.parent_pid]
    expect(children.flat_map { |pid| Harness::ProcessTable.socket_inodes(pid) & own }).to be_empty
  end

  it "a registration from before the fork is neither kept alive nor ended by a child" do
    expect_all_to_follow
    announced_before = announced
    lease = etcd.ctl.lease_of(announced_before.fetch(0))
    children = (server.worker_pids - [server.parent_pid]).map { |pid| server.ask(pid) }
    expect(children.map { |child| child.values_at("owned", "registrations") }.uniq).to eq [[false, []]]
    server.replace_gracefully
    expect_all_to_follow
    expect(announced).to eq announced_before
    expect(etcd.ctl.lease_of(announced.first)).to eq lease
  end
end
