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
    body = page(reader).get("/").body
    expect(rows(body)).to match [include(">answers<", ">leader<")]
    expect(body).not_to include("s3cret-word")
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
