# frozen_string_literal: true

RSpec.describe "the page and etcd's members" do
  def page(client) = Harness::PageRequests.new(EtcdDiscovery::Web.new(client:, authorize: ->(_env) { "ann" }))

  def rows(body) = body[/id="live-members".*/m].scan(%r{<tr id=[^>]*>(.*?)</tr>}m).flatten

  it "the overview has each with its version, its latency and who leads, and says who does not answer" do
    cluster = start_cluster
    reader = client(cluster.endpoints, "/shop/").start
    found = rows(page(reader).get("/").body)
    expect(found.size).to eq 3
    expect(found).to all(include(">answers<", ">3.", " ms<"))
    expect(found.map { |row| row[/>(leader|follower)</, 1] }.sort).to eq %w[follower follower leader]
    gone = cluster.members.find { |member| member.endpoint != reader.status.endpoint }
    gone.kill9
    expect_soon("one without an answer") do
      rows(page(reader).get("/").body).grep(/no answer/).join.include?(gone.endpoint)
    end
  end

  it "uses TLS with a client certificate" do
    certificates = Harness::Certificates.new(client_auth: true)
    etcd = start_etcd(tls: certificates)
    reader = client(etcd, "/shop/", ca_file: certificates.ca_file, cert_file: certificates.client_cert,
                                    key_file: certificates.client_key).start
    expect(rows(page(reader).get("/").body)).to match [include(">answers<", ">leader<")]
  end

  it "logs in where etcd asks for a password, and shows none" do
    etcd = start_etcd
    Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/").enforce
    reader = client(etcd, "/service/", user: "app", password: "s3cret-word").start
    # Some versions tell only root who leads, as they do with their version.
    known = reader.status.server_version ? />answers<.*>leader</m : />answers</
    # Checking a password may take etcd longer than the page waits.
    body = expect_soon("the member") do
      page(reader).get("/").body.then { |text| text if rows(text).join.match?(known) }
    end
    expect(body).not_to include("s3cret-word")
  end

  it "logs in again when etcd has forgotten the login" do
    etcd = start_etcd
    root = Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/").enforce
    reader = client(etcd, "/service/", user: "app", password: "s3cret-word").start
    connection = EtcdDiscovery::Web::Gateway::Connection.new(reader.config)
    answers = lambda do
      connection.post(etcd.endpoint, "/v3/kv/range", { key: ["/service/a"].pack("m0") }).key?("header")
    rescue Net::ReadTimeout, SystemCallError
      false
    end
    expect_soon("an answer", &answers)
    root.run("auth", "disable")
    etcd.ctl.run("auth", "enable")
    expect_soon("an answer to another login", &answers)
  end

  def leased(reader, number)
    revisions = Array.new(number) do |n|
      lease = reader.native_grant("test", 100)
      reader.native_commit("test", nil, [], [[format("/shop/leased/%02d", n), "v", lease]])
    end
    reader.wait_for_revision(revisions.max, timeout: 20)
  end

  def left(body) = body.scan(/<td data-label="Lease left" class="number">([^<]*)</).flatten

  it "the list of keys says how long leases last, and asks for a bounded number of them" do
    etcd = start_etcd
    reader = client(etcd, "/shop/").start
    reader.wait_for_revision(reader.put("/shop/plain/a", "1"), timeout: 20)
    expect(page(reader).get("/keys?prefix=/shop/plain/").body).not_to include("Lease left")
    reader.put("/shop/leased/none", "1")
    leased(reader, 60)
    gateway = EtcdDiscovery::Web::Gateway.of(reader)
    allow(gateway).to receive(:ttl).and_call_original
    body = page(reader).get("/keys?prefix=/shop/leased/").body
    expect(gateway).to have_received(:ttl).at_most(50).times
    expect(body.scan(%r{<th [^>]*>([^<]*)</th>}).flatten).to include("Lease left")
    # A slow machine does not get to all fifty in time.
    known, other = left(body).partition { |text| text.match?(/\A1 min \d+ s\z/) }
    expect([known.size.between?(1, 50), other.tally]).to eq [true, { "" => 1, "unknown" => 60 - known.size }]
    expect(page(reader).get("/keys?q=leased").body).to include("1 min ")
  end

  it "a list of keys whose leases etcd does not tell in time is shown without them" do
    etcd = start_etcd
    proxy = start_proxy(etcd)
    reader = client(proxy, "/shop/").start
    leased(reader, 20)
    proxy.blackhole
    started = Harness.now
    body = page(reader).get("/keys?prefix=/shop/leased/").body
    expect([left(body).uniq, Harness.now - started < 8]).to eq [["unknown"], true]
  end

  it "services and keys say how long their leases last" do
    etcd = start_etcd
    reader = client(etcd, "/service/").start
    reader.register("payments", "10.1.1.60:8081", id: "web-1", format: :endpoints, ttl: 100).wait(timeout: 20)
    expect_soon("the instance") { reader.service("payments").addresses.any? }
    services = page(reader).get("/services").body
    expect(services).to match(/data-label="Lease left" class="number">1 min \d+ s</)
    headings = services.scan(%r{<th [^>]*>([^<]*)</th>}).flatten
    expect(headings).to eq services[%r{<tbody>.*?</tr>}m].scan(/data-label="([^"]*)"/).flatten
    key = page(reader).get("/key?key=/service/payments/web-1").body
    expect(key).to match(/Under a lease: deleted in 1 min \d+ s/)
  end
end
