# frozen_string_literal: true

RSpec.describe "a process whose permissions in etcd change while it runs" do
  let(:password) { "s3cret-word" }
  let(:quick) { { progress_interval: 0.5, max_staleness: 3 } }

  def start_following(etcd, **settings)
    users = Harness::EtcdUsers.new(etcd).add("app", password, prefix: "/service/", access: "readwrite")
    @root = users.enforce
    @root.put("/service/b", "before")
    client(etcd, "/service/", user: "app", password:, **quick, **settings).tap(&:start)
  end

  def change_password(to) = @root.run("user", "passwd", "app", "--interactive=false", stdin: "#{to}\n")

  def expect_denied(reader, error_class)
    wait_until("the denial") { reader.status.state == :denied }
    expect(reader.status.last_error).to be_a(error_class)
    wait_until("stale") { reader.stale? }
    expect(reader["/service/b"]).to eq "before"
  end

  # Waits for attempts after this call that etcd refuses too. Two within a tenth of a second count as one,
  # because the time of an error is a moment of the monotonic clock, converted to the time of day.
  def wait_for_refusals(reader, count)
    seen = [reader.status.last_error_at]
    wait_until("#{count} more refusals") do
      at = reader.status.last_error_at
      seen << at if at - seen.last > 0.1
      seen.size > count
    end
  end

  def expect_to_follow(reader, value)
    @root.put("/service/b", value)
    wait_until("#{value} to be seen") { reader["/service/b"] == value }
    wait_until("fresh") { !reader.stale? && reader.healthy? }
  end

  it "keeps its copy and is denied while its permission is revoked, although its watch is open" do
    reader = start_following(start_etcd)
    @root.run("role", "revoke-permission", "app-role", "--prefix=true", "/service/")
    expect_denied(reader, EtcdDiscovery::PermissionError)
    expect(reader.status.last_error.message).to include('"/service/"')
    @root.put("/service/b", "not for these eyes")
    wait_for_refusals(reader, 2)
    expect(reader.status.state).to eq :denied
    expect(reader["/service/b"]).to eq "before"

    @root.run("role", "grant-permission", "app-role", "readwrite", "--prefix=true", "/service/")
    expect_to_follow(reader, "after")
  end

  it "keeps its copy while its password is wrong, and follows again once it is right" do
    reader = start_following(start_etcd)
    change_password("an0ther-word")
    expect_denied(reader, EtcdDiscovery::AuthenticationError)
    expect(reader.status.inspect + reader.status.last_error.full_message).not_to include(password)
    change_password(password)
    expect_to_follow(reader, "after")
  end

  it "follows and writes with JSON web tokens for longer than one lives, and after permissions changed" do
    reader = start_following(start_etcd(flags: [Harness::WebTokens.new(lifetime: 2).flag]))
    expired = Harness.now + 3
    wait_until("a token's lifetime to pass") { Harness.now > expired }
    expect_to_follow(reader, "one token later")
    reader.put("/service/c", "written")

    # Now every earlier token is invalid, because a token names the revision of the permissions.
    @root.run("role", "grant-permission", "app-role", "read", "--prefix=true", "/other/")
    expect_to_follow(reader, "after")
    wait_until("a write to be taken") { write(reader, "/service/c", "again") }
    expect(@root.get("/service/c")).to eq "again"
  end

  # A write with an invalid token is refused once; the next one has a new token.
  def write(reader, key, value)
    reader.put(key, value)
  rescue EtcdDiscovery::AuthenticationError
    nil
  end
end
