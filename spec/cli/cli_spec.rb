# frozen_string_literal: true

require "json"
require "open3"
require "tempfile"

RSpec.describe "the command line" do
  let(:etcd) { start_etcd }

  def command(*arguments) = command_line("--endpoints", etcd.endpoint, *arguments)

  # Returns output, errors and exit status.
  def run_cli(*arguments)
    out, err, status = Open3.capture3(*command(*arguments))
    [out, err, status.exitstatus]
  end

  it "writes, reads and lists, for people and for machines" do
    expect(run_cli("put", "/service/b", "10.1.1.60:8081").last).to eq 0
    expect(run_cli("get", "/service/b")).to eq ["10.1.1.60:8081\n", "", 0]
    etcd.ctl.put("/service/long", "x")
    expect(run_cli("list", "/service/").first).to eq "/service/b     10.1.1.60:8081\n/service/long  x\n"
    lines = run_cli("list", "/service/", "--json").first.lines.map { |line| JSON.parse(line) }
    expect(lines.first).to eq("key" => "/service/b", "value" => "10.1.1.60:8081")
  end

  it "reports what went wrong by its exit status and in a sentence" do
    expect(run_cli("get", "/nowhere")).to eq ["", "", 3]
    expect(run_cli("juggle")).to match ["", /unknown command: juggle/, 2]
    expect(run_cli("--endpoints", "http://127.0.0.1:1", "--timeout", "1", "get", "/a"))
      .to match ["", /etcd_discovery: .*127.0.0.1:1/, 4]
    expect(run_cli("--help")).to match [/Exit status: 0 done/, "", 0]
  end

  it "points to its help if arguments are missing, too many or wrong" do
    expect(run_cli("get")).to match ["", /get: wrong number of arguments \(given 0, expected 1\).*--help/, 2]
    expect(run_cli("put", "/a")).to match ["", /put: no value given: VALUE, or --file FILE; .*--help/, 2]
    expect(run_cli("put", "/a", "1", "2")).to match ["", /given 3, expected 1\.\.2\).*--help/, 2]
    expect(run_cli("list", "/a", "/b")).to match ["", /given 2, expected 0\.\.1\).*--help/, 2]
    expect(run_cli).to match ["", /no command given.*--help/, 2]
    expect(run_cli("juggle")).to match ["", /--help/, 2]
    expect(run_cli("get", "/a", "--unknown")).to match ["", /invalid option: --unknown.*--help/, 2]
  end

  it "reads and writes keys and values of any bytes, and values that start with a dash" do
    expect(run_cli("put", "/a/\xff", "\xfe").last).to eq 0
    expect(run_cli("get", "/a/\xff").first.b).to eq "\xfe".b
    expect(run_cli("put", "/a/limit", "--", "-5").last).to eq 0
    expect(run_cli("get", "/a/limit").first).to eq "-5\n"
  end

  it "reports by its exit status that its output could not be written" do
    etcd.ctl.put("/a", "x")
    full, err, status = Open3.capture3("sh", "-c", 'exec "$@" > /dev/full', "sh", *command("get", "/a"))
    expect([full, err, status.exitstatus]).to match ["", /\Aetcd_discovery: cannot write .*No space left/, 1]
    _, err, status = Open3.capture3("sh", "-c", 'exec "$@" 2>&-', "sh", *command("juggle"))
    expect([err, status.exitstatus]).to eq ["", 2]
  end

  it "lists and watches a key as a key, and a prefix as a prefix" do
    etcd.ctl.put("/config/greeting", "hello")
    etcd.ctl.put("/config/greeting/de", "hallo")
    expect(run_cli("list", "/config/greeting")).to eq ["/config/greeting  hello\n", "", 0]
    expect(run_cli("list", "/config/greeting/")).to eq ["/config/greeting/de  hallo\n", "", 0]
    expect(run_cli("list", "/config")).to match ["", %r{no key /config; a prefix ends in a slash}, 3]
    process = talking_process(*command("watch", "/config/greeting"))
    expect(process.line).to eq "put     /config/greeting  hello"
    etcd.ctl.put("/config/greeting/de", "moin")
    etcd.ctl.put("/config/greeting", "hey")
    expect(process.line).to eq "put     /config/greeting  hey"
    process.stop(:INT)
  end

  it "finds a service by the name that it was registered with" do
    announced = [%w[b], %w[b --id one], %w[b --format kratos], %w[/teams/b], %w[user.rpc --format zero]]
    announced.each do |name, *options|
      words = ["register", name, "10.1.1.60:8081", *options]
      process = talking_process(*command(*words, "--", "sh", "-c", "echo ready; exec sleep 600"))
      expect(process.line).to eq "ready"
      wanted = options.first == "--id" ? [] : options
      found = -> { run_cli("services", name, *wanted) }
      expect_soon("#{name} #{options}") { found.call.first.include?("10.1.1.60:8081") }
      process.stop
      expect_soon("its end") { found.call.last == 3 }
    end
  end

  it "shows the instances of services, and the status of etcd" do
    etcd.ctl.put("/service/b/one", "10.1.1.60:8081")
    etcd.ctl.put("/service/b/two", '{"Op":0,"Addr":"10.1.1.61:8081","Metadata":{"weight":2}}')
    expect(run_cli("services").first.lines.map(&:split))
      .to eq [%w[/service/b 10.1.1.60:8081 1 /service/b/one],
              %w[/service/b 10.1.1.61:8081 2.0 /service/b/two]]
    expect(JSON.parse(run_cli("status", "--json").first))
      .to include("state" => "watching", "endpoint" => etcd.endpoint)
  end

  it "says which user was refused, and what is not an answer of etcd" do
    Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/service/").enforce
    expect(run_cli("--user", "app:wrong", "get", "/service/b")).to match ["", /etcd_discovery: /, 5]
    expect(run_cli("--user", "app:secret", "put", "/service/b", "x")).to match ["", /permission/, 5]
    expect(run_cli("--user", "app:secret", "get", "/service/b")).to eq ["", "", 3]
  end

  describe "status" do
    it "shows a healthy client to a user who may read only its own prefix" do
      Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/service/").enforce
      user = %w[--user app:secret]
      expect(run_cli(*user, "status", "/service/")).to match [/^state +watching$/, "", 0]
      expect(run_cli(*user, "status")).to match [/^state +reachable$.*^last_error$/m, "", 0]
      environment = { "ETCDDISCOVERY_WATCH" => "/service/" }
      out, err, status = Open3.capture3(environment, *command(*user, "status"))
      expect([out, err, status.exitstatus]).to match [%r{^state +watching$.*^watched +/service/$}m, "", 0]
    end

    it "shows which user was refused, and for what" do
      Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/service/").enforce
      expect(run_cli("--user", "app:wrong", "status")).to match [/^state +denied$/, /etcd_discovery: /, 5]
      expect(run_cli("--user", "app:secret", "status", "/other/"))
        .to match [/^state +denied$.*^last_error .*permission/m, /permission/, 5]
      expect(run_cli("status")).to match [/^last_error +\S/, /etcd_discovery: /, 5]
    end

    it "shows what is known about an etcd that cannot be reached" do
      away = %w[--endpoints http://127.0.0.1:1 --timeout 0.5]
      out, err, status = run_cli(*away, "status")
      expect(out).to match(%r{^state +backoff$.*^endpoints +http://127.0.0.1:1$.*^last_error .*127.0.0.1:1}m)
      expect([err, status]).to match [/\A(?!.*background)etcd_discovery: .*127.0.0.1:1/, 4]
      expect(JSON.parse(run_cli(*away, "status", "--json").first)).to include("state" => "backoff")
    end
  end

  describe "with a password" do
    before { Harness::EtcdUsers.new(etcd).add("app", "s3cret-word", prefix: "/service/").enforce }

    it "reads it from a file, and from standard input" do
      Tempfile.create("password") do |file|
        file.write("s3cret-word\n")
        file.close
        expect(run_cli("--user", "app", "--password-file", file.path, "get", "/service/b")).to eq ["", "", 3]
      end
      reading = command("--user", "app", "--password-file", "-", "get", "/service/b")
      out, err, status = Open3.capture3(*reading, stdin_data: "s3cret-word\n")
      expect([out, err, status.exitstatus]).to eq ["", "", 3]
    end

    it "accepts it as etcdctl does" do
      expect(run_cli("--user", "app", "--password", "s3cret-word", "get", "/service/b")).to eq ["", "", 3]
      expect(run_cli("--user", "app", "--password", "wr0ng", "get", "/service/b"))
        .to match ["", /\A(?!.*wr0ng)etcd_discovery: /, 5]
    end

    it "says which file has none" do
      expect(run_cli("--password-file", "/nowhere", "get", "/a"))
        .to match ["", %r{--password-file: No such file.*/nowhere}, 2]
      expect(run_cli("--password-file", "/dev/null", "get", "/a")).to match ["", /no password/, 2]
    end

    it "does not show it in the list of processes once it runs, in whatever way it was given" do
      [%w[app:s3cret-word], %w[app --password s3cret-word], %w[app --password=s3cret-word]].each do |given|
        user = ["--user", *given]
        process = talking_process(*command(*user, "watch", "/service/", "--json"))
        expect_soon("the process to name itself") { command_line_of(process).include?("[FILTERED]") }
        expect(command_line_of(process)).not_to include("s3cret-word")
        process.stop(:INT)
      end
    end

    it "does not repeat it when the option is misspelled" do
      expect(run_cli("--usr=app:s3cret-word", "get", "/a")).to match ["", /\A(?!.*s3cret).*invalid option/, 2]
    end

    def command_line_of(process) = File.read("/proc/#{process.pid}/cmdline")
  end

  it "prints the existing keys and then each change, until it is interrupted" do
    etcd.ctl.put("/service/b", "10.1.1.60:8081")
    people = talking_process(*command("watch", "/service/"))
    machines = talking_process(*command("watch", "/service/", "--json"))
    expect(people.line).to eq "put     /service/b  10.1.1.60:8081"
    expect(JSON.parse(machines.line)).to include("type" => "put", "key" => "/service/b")
    revision = etcd.ctl.delete("/service/b")
    expect(people.line).to eq "delete  /service/b"
    expect(JSON.parse(machines.line))
      .to eq("type" => "delete", "key" => "/service/b", "revision" => revision)
    expect([people, machines].map { |process| process.stop(:INT).exitstatus }).to eq [0, 0]
  end

  it "reports by its exit status that there is no instance" do
    expect(run_cli("services")).to eq ["", "", 3]
    expect(run_cli("list", "--json")).to eq ["", "", 0]
  end
end
