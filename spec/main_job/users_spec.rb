# frozen_string_literal: true

RSpec.describe "an etcd with users" do
  let(:etcd) { start_etcd(flags: ["--auth-token-ttl=2"]) } # seconds; short, so that tokens expire in a spec
  let(:root) { Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/").enforce }

  before { root.put("/service/b", "before") }

  def expect_error(error_class, **settings)
    reader = client(etcd, "/service/", boot_timeout: 5, **settings)
    expect { reader.start }.to raise_error(error_class) { |error| return error }
  end

  it "accepts a user with the right password" do
    reader = client(etcd, "/service/", user: "app", password: "s3cret-word").tap(&:start)
    expect(reader["/service/b"]).to eq "before"
    root.put("/service/b", "after")
    expect_soon("the new value") { reader["/service/b"] == "after" }
  end

  it "refuses a wrong password: the error says what to check and contains no password" do
    error = expect_error(EtcdDiscovery::AuthenticationError, user: "app", password: "wr0ng-word")
    expect(error.message).to include(etcd.endpoint).and include("password")
    expect(error.full_message).not_to match(/wr0ng-word|s3cret-word/)
  end

  it "refuses an unknown user, and a client without a password" do
    expect_error(EtcdDiscovery::AuthenticationError, user: "nobody", password: "s3cret-word")
    expect_error(EtcdDiscovery::Error)
  end

  it "does not show what the user may not read" do
    reader = client(etcd, "/other/", user: "app", password: "s3cret-word", boot_timeout: 5)
    expect { reader.start }.to raise_error(EtcdDiscovery::PermissionError, /#{etcd.endpoint}/)
  end

  it "accepts no write that the user is not allowed" do
    reader = client(etcd, "/service/", user: "app", password: "s3cret-word").tap(&:start)
    expect { reader.put("/service/b", "mine") }
      .to raise_error(EtcdDiscovery::PermissionError, /#{etcd.endpoint}/)
    expect(root.get("/service/b")).to eq "before"
  end

  it "shows several ranges that the user may read, but not the keys between them" do
    root.run("role", "grant-permission", "app-role", "read", "--prefix=true", "/config/")
    reader = client(etcd, "/service/", "/config/", user: "app", password: "s3cret-word").tap(&:start)
    root.transaction(*%w[service config other].map { |name| [:put, "/#{name}/b", "after"] })
    wait_until("both keys") { reader.snapshot.size == 2 }
    expect(reader.snapshot.to_h).to eq("/service/b" => "after", "/config/b" => "after")
  end

  # If etcd's progress answers may be too early (3.4.23), reading all ranges for each change would also prove
  # it. But that takes longer, the more keys there are.
  it "shows a user of several ranges each change without reading the ranges, as it does for root" do
    root.run("role", "grant-permission", "app-role", "read", "--prefix=true", "/config/")
    reader = client(etcd, "/service/", "/config/", user: "app", password: "s3cret-word").tap(&:start)
    wait_until("a change that no read has proven") { comparisons { see_change(reader) }.zero? }
    expect(comparisons { 20.times { see_change(reader) } }).to eq 0
  end

  # A comparison reads all ranges in one transaction.
  def comparisons
    before = transactions
    yield
    transactions - before
  end

  def transactions = etcd.metric('grpc_server_handled_total{grpc_code="OK",grpc_method="Txn"')

  def see_change(reader)
    @changes = @changes.to_i + 1
    key = %w[/service/b /config/b][@changes % 2]
    root.put(key, @changes.to_s)
    wait_until("#{@changes} at #{key}") { reader[key] == @changes.to_s }
  end

  it "keeps no secret in what a client shows of itself" do
    reader = client(etcd, "/service/", user: "app", password: "s3cret-word").tap(&:start)
    shown = [reader, reader.status, reader.status.to_h].map(&:inspect)
    expect(shown.join).not_to include("s3cret-word")
  end

  it "is followed and written to for longer than a token lives, and after it was killed" do
    root.run("role", "grant-permission", "app-role", "readwrite", "--prefix=true", "/service/")
    reader = client(etcd, "/service/", user: "app", password: "s3cret-word").tap(&:start)
    3.times { |n| expect_write_after_expiry(reader, n.to_s) }
    etcd.kill9
    etcd.start
    expect_write_after_expiry(reader, "after the kill")
  end

  # Nothing shows that a simple token has expired, except that etcd refuses it. Its log says so only in debug
  # mode. So the spec can only wait for the clock.
  def expect_write_after_expiry(reader, value)
    expired = Harness.now + 3
    wait_until("the token's time to live to pass") { Harness.now > expired }
    reader.put("/service/b", value)
    expect(root.get("/service/b")).to eq value
    wait_until("the write to be seen") { reader["/service/b"] == value }
  end
end
