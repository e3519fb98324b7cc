# frozen_string_literal: true

# A login costs about 90 ms of etcd's processor at bcrypt's cost of 10, and twice as much with each step.
RSpec.describe "logins" do
  let(:etcd) { start_etcd }
  let(:users) do
    Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/", access: "readwrite")
  end
  let(:root) { users.enforce }
  let(:user) { { user: "app", password: "s3cret-word" } }

  before { root.put("/service/b", "before") }

  def logins(etcd)
    etcd.metric('grpc_server_started_total{grpc_method="Authenticate",grpc_service="etcdserverpb.Auth"').to_i
  end

  # etcd keeps simple tokens in memory, but replays the logins among its last entries, so writes follow them.
  def restart(etcd)
    2.times { |n| root.put("/other", n.to_s) }
    etcd.kill9
    etcd.start
  end

  it "of one process are one: for the watch, for requests, for other clients and for forked children" do
    before = logins(etcd)
    process = ruby_process(<<~'RUBY', etcd)
      user = { user: "app", password: "s3cret-word" }
      connect "/service/", **user
      EtcdDiscovery.put("/service/c", "1")
      other = EtcdDiscovery::Client.new(endpoints:, watch: ["/service/b"], **user)
      other.start
      3.times do |n|
        in_child do
          EtcdDiscovery.put("/service/#{n}", "child")
          wait_until("the child to follow") { EtcdDiscovery["/service/#{n}"] == "child" }
          in_child { other.put("/service/grand#{n}", "child") }
        end
      end
      report "done"
    RUBY
    expect(process.heard(timeout: 60)).to eq "done"
    expect(logins(etcd) - before).to eq 1
  end

  it "happen once when etcd has forgotten the token, whatever asks first" do
    reader = client(etcd, "/service/", **user).tap(&:start)
    reader.put("/service/c", "1")
    restart(etcd)
    writers = Array.new(4) { |n| Thread.new { reader.put("/service/#{n}", "after") } }
    writers.each(&:join)
    expect_soon("all to be seen") { 4.times.all? { |n| reader["/service/#{n}"] == "after" } }
    expect(logins(etcd)).to eq 1
  end

  # etcd holds a request with a simple token until its raft index has reached that of the login.
  it "are repeated when etcd was restored from a backup and does not answer the old token" do
    backup = File.join(Dir.mktmpdir, "backup")
    root.run("snapshot", "save", backup)
    writer = client(etcd, "/other", user: "root", password: "root-secret").tap(&:start)
    150.times { |n| writer.put("/other", n.to_s) }
    reader = client(etcd, "/service/", **user).tap(&:start)
    etcd.kill9
    etcd.restore(backup)
    etcd.start
    expect_soon("the process to follow again") { reader.status.state == :watching && !reader.stale? }
    root.put("/service/b", "after")
    expect_soon("the change") { reader["/service/b"] == "after" }
  ensure
    FileUtils.rm_rf(File.dirname(backup)) if backup
  end

  context "when each takes etcd long" do
    let(:etcd) { start_etcd(flags: ["--bcrypt-cost=11"]) }

    it "are waited for, although a connection has a shorter limit" do
      reader = client(etcd, "/service/", connect_timeout: 0.15, boot_timeout: 20, **user).tap(&:start)
      expect(reader["/service/b"]).to eq "before"
    end

    it "of a fleet that comes back at once are one for each process: none is given up and repeated",
       own_watch: "each process has to log in and to reconnect" do
      fleet = ruby_process(<<~'RUBY', etcd)
        connect "/service/", user: "app", password: "s3cret-word", boot_timeout: 20
        15.times do |n|
          fork do
            EtcdDiscovery.start
            report "child"
            wait_until("the watch after the restart", 60) do
              now = EtcdDiscovery.status
              now.reconnects.positive? && now.state == :watching && now.age < 1
            end
            report n
            exit!(0)
          end
        end
        15.times { Process.wait }
      RUBY
      15.times { expect(fleet.heard(timeout: 60)).to eq "child" }
      restart(etcd)
      expect(Array.new(15) { fleet.heard(timeout: 60) }).to match_array((0...15).to_a)
      wait_until("the parent's login") { logins(etcd) >= 16 }
      expect(logins(etcd)).to eq 16
    end
  end
end
