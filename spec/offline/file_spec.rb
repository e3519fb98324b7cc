# frozen_string_literal: true

require "tmpdir"

RSpec.describe "a client with a file instead of etcd" do
  around { |example| Dir.mktmpdir { |folder| (@folder = folder) && example.run } }

  let(:path) { File.join(@folder, "etcd.yml") }
  let(:log) { [] }
  let(:logger) do
    Class.new { %i[info warn].each { |level| define_method(level) { |_| nil } } }
         .new.tap { |made| made.define_singleton_method(:error, &log.method(:<<)) }
  end

  # Replaces the file in one step, as careful editors and deployments do.
  def replace(text)
    File.write("#{path}.new", text)
    File.rename("#{path}.new", path)
  end

  def offline(text, *watched, **settings)
    replace(text)
    Harness::ClosingClient.add(EtcdDiscovery::Client.new(source: path, watch: watched, logger:, **settings))
  end

  def content(text) = offline(text).snapshot.to_h

  def refusal(text)
    offline(text)
    raise "accepted"
  rescue EtcdDiscovery::ConfigurationError => e
    e.message
  end

  it "has its keys, each with its exact text" do
    expect(content(<<~'YAML')).to eq(
      # as people write it
      /service/b: 10.1.1.60:8081
      /version: 1.10
      /time: 12:30
      /on: yes
      /number: "5"
      /text: |
        two
        lines
      /empty: ""
      /day: 2026-11-22
    YAML
      "/service/b" => "10.1.1.60:8081", "/version" => "1.10", "/time" => "12:30", "/on" => "yes",
      "/number" => "5", "/text" => "two\nlines\n", "/empty" => "", "/day" => "2026-11-22"
    )
  end

  it "has a list or a mapping as JSON, and the keys under a key that ends in a slash" do
    client = offline(<<~'YAML')
      /limits: { upload: 1048576, hosts: [a, b], off: no, none: ~, text: "5" }
      /service/:
        b: 10.1.1.60:8081
        deep/:
          c: 10.1.1.61:8081
    YAML
    expect(client.json("/limits")).to eq("upload" => 1_048_576, "hosts" => %w[a b], "off" => false,
                                         "none" => nil, "text" => "5")
    expect(client.snapshot.prefix("/service/").to_h)
      .to eq("/service/b" => "10.1.1.60:8081", "/service/deep/c" => "10.1.1.61:8081")
  end

  it "knows ERB, aliases and merge keys" do
    expect(content(<<~'YAML').values).to eq(['{"x":1,"y":2}', "same", "same", '{"x":1}', "3"])
      /erb: <%= 1 + 2 %>
      /defaults: &defaults { x: 1 }
      /a: { <<: *defaults, y: 2 }
      /b: &text same
      /c: *text
    YAML
  end

  it "may be empty" do
    expect(["", "# nothing yet\n", "{}\n"].map { |text| content(text) }).to all(be_empty)
  end

  it "follows it: changes in the file are delivered at one revision" do
    client = offline("/a: '1'\n/b: '1'\n/c: '1'\n")
    received = Queue.new
    client.on_change("/") { |change| received << [change.key, change.value, change.revision] }
    replace("/a: '1'\n/b: '2'\n/d: '1'\n")
    expect_soon("three changes") { received.size == 3 }
    changes = Array.new(3) { received.pop }
    expect(changes.map { |change| change.first(2) }).to contain_exactly(["/b", "2"], ["/c", nil], ["/d", "1"])
    expect(changes.map(&:last).uniq.size).to eq 1
    expect(client.snapshot.to_h).to eq("/a" => "1", "/b" => "2", "/d" => "1")
  end

  it "leaves the application's own writes alone, until that key changes in the file" do
    client = offline("/a: '1'\n/b: '1'\n")
    client.put("/a", "own")
    registration = client.register("c", "10.1.1.60:1")
    replace("/a: '1'\n/b: '2'\n")
    expect_soon("the change") { client["/b"] == "2" }
    expect([client["/a"], registration.state]).to eq ["own", :registered]
    replace("/a: '3'\n/b: '2'\n")
    expect_soon("the change") { client["/a"] == "3" }
  end

  {
    "is not YAML" => "/a: '1'\n/b: [\n",
    "is not a mapping" => "- /a\n- /b\n",
    "has ERB that fails" => "/a: '1'\n/b: <%= raise 'on purpose' %>\n",
    "has ERB that is not Ruby" => "/a: '1'\n/b: <%= ( %>\n",
    "has a key without a value" => "/a: '1'\n/b:\n",
    "is not UTF-8" => "/a: '\xFF'\n".b,
    "refers to nothing" => "/a: '1'\n/b: *nothing\n",
    "refers to itself" => "/a: &a [*a]\n",
    "is merged with a value that is not a mapping" => "/a: &a text\n/b: { <<: *a }\n"
  }.each do |description, text|
    it "refuses one that #{description} at the start, with its name, the place, and what to do" do
      expect(refusal(text)).to match(/\Asource: #{path}(:\d)? /).and include("etcd").and include("correct it")
    end

    it "ignores one that becomes invalid (#{description}), and reports it once" do
      client = offline("/a: good\n")
      replace(text)
      expect_soon("the report") { client.status.last_error }
      expect(client.status.last_error).to be_a(EtcdDiscovery::ConfigurationError)
      expect(client.snapshot.to_h).to eq("/a" => "good")
      replace("/a: better\n")
      expect_soon("the correction") { client["/a"] == "better" }
      expect(log).to match [include(path).and(include("last good"))]
    end
  end

  it "names the line" do
    expect(refusal("/a: '1'\n\n/b:\n")).to include("#{path}:3 ")
    expect(refusal("/a: '1'\n\n/b: <%= nonsense %>\n")).to include("#{path}:3 ").and include("nonsense")
    expect(refusal("/a: '1'\n/b: [\n/c: x")).to match(/#{path}:\d /)
  end

  it "refuses a missing one at the start, and no value is ever in a message" do
    missing = File.join(@folder, "missing.yml")
    expect { EtcdDiscovery::Client.new(source: missing) }
      .to raise_error(EtcdDiscovery::ConfigurationError, /#{missing} cannot be read: No such file/)
    expect { EtcdDiscovery::Client.new(source: @folder) }
      .to raise_error(EtcdDiscovery::ConfigurationError, /directory/)
    ["/password: hunter2\n/b: [hunter2\n", "/password: *hunter2\n", "/password: &hunter2 {<<: hunter2}\n"]
      .each { |text| expect(refusal(text)).not_to include("hunter2") }
    expect { EtcdDiscovery::Client.new(source: 5) }
      .to raise_error(EtcdDiscovery::ConfigurationError, /source: 5 is not `memory`, or the path/)
  end

  it "keeps the content of a file that disappears or is emptied, and follows it again once it is back" do
    client = offline("/a: '1'\n")
    File.unlink(path)
    expect_soon("the report") { client.status.last_error&.message&.include?("No such file") }
    replace("")
    expect_soon("the other report") { client.status.last_error.message.include?("is empty") }
    expect(client["/a"]).to eq "1"
    replace("/a: '2'\n")
    expect_soon("the content") { client["/a"] == "2" }
  end

  it "ignores one that is still being written until it stops changing" do
    replace("/a: '1'\n/b: '1'\n")
    client = Harness::ClosingClient.add(EtcdDiscovery::Client.new(source: "memory"))
    file = EtcdDiscovery::Source::File.new(client, path)
    ["", "/a: '2'\n", "/a: '2'\n/b: '2"].each do |part|
      File.write(path, part)
      file.look
      expect(client.snapshot.to_h).to eq("/a" => "1", "/b" => "1")
    end
    replace("/a: '2'\n/b: '2'\n")
    2.times { file.look }
    expect(client.snapshot.to_h).to eq("/a" => "2", "/b" => "2")
    expect(client.status.last_error).to be_nil
  end

  it "is stale as long as it is invalid" do
    client = offline("/a: '1'\n", max_staleness: 3)
    expect(client.status).to have_attributes(state: :offline, stale?: false)
    replace("/a: [\n")
    expect_soon("staleness") { client.stale? }
    replace("/a: '2'\n")
    expect_soon("health") { client.healthy? && client["/a"] == "2" }
  end

  it "does not follow it while the client is stopped" do
    client = offline("/a: '1'\n", max_staleness: 0.5)
    client.stop
    replace("/a: '2'\n")
    expect_soon("staleness") { client.stale? }
    expect(client["/a"]).to eq "1"
    client.start
    expect_soon("the content") { client["/a"] == "2" }
  end

  it "finds it by its path from the folder where the process started, and forked children follow it" do
    replace("/a: '1'\n")
    process = ruby_process(<<~RUBY, env: { "FOLDER" => @folder })
      Dir.chdir(ENV.fetch("FOLDER"))
      EtcdDiscovery.configure { |config| config.source = "etcd.yml" }
      report EtcdDiscovery["/a"]
      pid = fork do
        wait_until("the change in the child") { EtcdDiscovery["/a"] == "2" }
        Process.daemon(false, true) # it runs in another folder
        report [EtcdDiscovery["/a"], Dir.pwd]
        wait_until("the change in the daemon") { EtcdDiscovery["/a"] == "3" }
        report EtcdDiscovery["/a"]
      end
      wait_until("the change in the parent") { EtcdDiscovery["/a"] == "3" }
      Process.wait(pid)
      report EtcdDiscovery["/a"]
    RUBY
    expect(process.heard).to eq "1"
    replace("/a: '2'\n")
    expect(process.heard).to eq ["2", "/"]
    replace("/a: '3'\n")
    expect([process.heard, process.heard]).to eq %w[3 3]
  end
end
