# frozen_string_literal: true

RSpec.describe "the page and secrets" do
  let(:etcd) { start_etcd }
  let(:reader) { client(etcd, "/shop/").start }
  let(:web) do
    EtcdDiscovery::Web.new(client: reader, write: true, authorize: lambda { |_env|
                                                                     "ann"
                                                                   }, mask: [/codeword/])
  end
  let(:browser) { Harness::PageRequests.new(web) }

  def write(key, value) = reader.wait_for_revision(reader.put(key, value), timeout: 20)

  secrets = {
    "/shop/db/password" => "hunter2", "/shop/DB_PASSWD" => "hunter2", "/shop/stripe/api_key" => "hunter2",
    "/shop/apikey/live" => "hunter2", "/shop/session_secret" => "hunter2", "/shop/github-token" => "hunter2",
    "/shop/aws/credentials/x" => "hunter2", "/shop/tls/private_key" => "hunter2",
    "/shop/codeword" => "hunter2",
    "/shop/cert" => "-----BEGIN EC PRIVATE KEY-----\nhunter2\n",
    "/shop/url" => "postgres://shop:hunter2@10.1.1.60/shop",
    "/shop/json" => '{"host":"h","password":"hunter2"}', "/shop/yaml" => "host: h\ndb_password: hunter2\n"
  }

  secrets.each do |key, value|
    it "the value of #{key} is shown nowhere, and cannot be changed blindly" do
      write(key, "#{value}-old")
      write(key, value)
      revision = reader.snapshot.mod_revision(key)
      paths = ["/key?key=#{key}", "/stream/key?key=#{key}", "/keys?prefix=/shop/", "/keys?q=shop",
               "/stream/keys?q=shop",
               "/rollback?key=#{key}&to=#{revision - 1}"]
      bodies = paths.map { |path| browser.get(path).body }
      expect(bodies.join).not_to include("hunter2")
      expect(bodies.first).to include("Hidden")
      expect(bodies.first).not_to include("<textarea")
      refused = [browser.post("/put?key=#{key}", revision:, note: "n", value: "••••••••"),
                 browser.post("/delete?key=#{key}", revision:, note: "n"),
                 browser.post("/rollback?key=#{key}&to=#{revision - 1}", revision:, note: "n")]
      expect(refused.map(&:status)).to eq [403, 403, 403]
      expect([etcd.ctl.get(key), refused.map(&:body).join.include?("hunter2")]).to eq [value, false]
    end
  end

  it "a conflict does not show a value that has become a secret" do
    write("/shop/plain", "text")
    shown = reader.snapshot.mod_revision("/shop/plain")
    etcd.ctl.put("/shop/plain", "password: hunter2")
    answer = browser.post("/put?key=/shop/plain", revision: shown, note: "n", value: "mine")
    expect([answer.status, answer.body.include?("hunter2")]).to eq [403, false]
  end

  it "does not roll back to a value that is a secret" do
    before = write("/shop/plain", "password: hunter2")
    shown = write("/shop/plain", "text")
    expect(browser.get("/rollback?key=/shop/plain&to=#{before}").body).not_to include("hunter2")
    expect(browser.post("/rollback?key=/shop/plain&to=#{before}", revision: shown,
                                                                  note: "n").status).to eq 403
    expect(etcd.ctl.get("/shop/plain")).to eq "text"
  end

  it "shows a key that only sounds like a secret if `unmask` names it" do
    open = EtcdDiscovery::Web.new(client: reader, authorize: ->(_env) { "ann" }, unmask: [%r{/token_bucket/}])
    write("/shop/token_bucket/size", "17")
    expect(browser.get("/key?key=/shop/token_bucket/size").body).to include("Hidden")
    expect(Harness::PageRequests.new(open).get("/key?key=/shop/token_bucket/size").body).to include(">17<")
  end

  it "looks through a value of a megabyte in a moment, whatever is in it" do
    mask = EtcdDiscovery::Web::Mask.new
    hostile = ["\n" * 1_000_000, "a" * 1_000_000, "passw" * 200_000, "://" * 300_000, "\"a" * 500_000,
               "://#{'a' * 1_000_000}:"]
    # One that goes back and forth over it would take hours: this is a limit for a test that would hang.
    found = Timeout.timeout(60) { hostile.map { |value| mask.masked?("/shop/x", value) } }
    expect(found).to all(be false)
  end
end
