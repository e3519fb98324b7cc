# frozen_string_literal: true

require "json"
require "open3"
require "stringio"
require "tmpdir"
require "etcd_discovery/cli"

RSpec.describe "copying keys to a file, and a file to etcd" do
  around { |example| Dir.mktmpdir("files-") { |folder| (@folder = folder) && example.run } }

  let(:etcd) { start_etcd }
  let(:writer) { client(etcd) }

  # Returns output, errors and exit status.
  def run_cli(*arguments, stdin: "")
    command = command_line("--endpoints", etcd.endpoint, *arguments)
    out, err, status = Open3.capture3(*command, stdin_data: stdin)
    [out, err, status.exitstatus]
  end

  def file(text, name = "values.yml")
    File.join(@folder, name).tap { |path| File.binwrite(path, text) }
  end

  def content = bytes(etcd.ctl.read_prefix("/shop/"))

  odd = {
    "/shop/plain" => "50", "/shop/on" => "on", "/shop/1.10" => "1.10", "/shop/null" => "null",
    "/shop/empty" => "", "/shop/~" => "~", "/shop/deep/er" => "{\"a\": [1]}", "/shop/<<" => "<<",
    "/shop/" => "the prefix itself", "/shop/ends/" => "with a slash", "/shop/two words" => " around ",
    "/shop/\u00e9" => "\u00e9\u{1f600}", "/shop/erb" => "<%= exit 9 %>", "/shop/colon: x" => "a: b # c",
    "/shop/*x" => "*alias", "/shop/!t" => "!tag", "/shop/lines" => "one\n  two\n\nthree\n",
    "/shop/no end" => "one\ntwo", "/shop/many ends" => "one\n\n\n", "/shop/only" => "\n",
    "/shop/cr" => "one\r\ntwo\r", "/shop/tab" => "a\tb\n\tc\n", "/shop/space" => "a \nb\n",
    "/shop/lead" => "\n a\nb\n", "/shop/binary" => "\xFF\x00".b, "/shop/k\xFF".b => "v\xFE\n".b,
    "/shop/escape" => "\e[2J\u202E\u0085\u2028x", "/shop/block" => "{\n  \"a\": \"\e\"\n}\n",
    "/shop/bom" => "\uFEFFx", "/shop/quote\"" => "\"'\\n", "/shop/long" => "word " * 100,
    "/shop/---" => "---\n...\n", "/shop/surrogate" => "\\ud83d"
  }

  it "restores exactly the bytes that it wrote, whatever they are" do
    odd.each { |key, value| writer.put(key, value) }
    before = content
    yaml, err, status = run_cli("export", "/shop/")
    expect([err, status]).to eq ["", 0]
    expect(yaml.delete("\n")).not_to match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/)
    etcd.ctl.run("del", "--prefix", "/shop/")
    expect(run_cli("apply", file(yaml)).values_at(1, 2)).to eq ["", 0]
    expect(content).to eq before
    revision = etcd.ctl.current_revision
    expect(run_cli("apply", file(yaml), "--prune")).to eq ["", "", 0]
    expect(etcd.ctl.current_revision).to eq revision
  end

  it "does the same in JSON, except for bytes that JSON cannot represent" do
    text = odd.select do |key, value|
      [key, value].all? do |one|
        one.dup.force_encoding("UTF-8").valid_encoding?
      end
    end
    text.each { |key, value| writer.put(key, value) }
    before = content
    json, err, status = run_cli("export", "/shop/", "--json")
    expect([err, status, JSON.parse(json).keys]).to eq ["", 0, ["/shop/"]]
    etcd.ctl.run("del", "--prefix", "/shop/")
    expect(run_cli("apply", file(json, "values.json"), "--prune").values_at(1, 2)).to eq ["", 0]
    expect(content).to eq before
    writer.put("/shop/binary", "\xFF".b)
    expect(run_cli("export", "/shop/", "--json")).to match ["", /not UTF-8, which JSON cannot represent/, 1]
  end

  it "writes a file that people can read, without leased keys and the change log" do
    writer.put("/shop/limit", "50")
    writer.put("/shop/tiers", "{\n  \"gold\": 3\n}\n")
    client(etcd, change_log: "/shop/changes/").put("/shop/checkout/fast lane", "on")
    lease = etcd.ctl.run("lease", "grant", "600")[/lease (\w+)/, 1]
    etcd.ctl.put("/shop/service", "10.0.0.1:80", "--lease=#{lease}")
    expect(run_cli("export", "/shop/", "--change-log", "/shop/changes/").first).to eq <<~YAML
      /shop/:
        "checkout/fast lane": "on"
        limit: "50"
        tiers: |
          {
            "gold": 3
          }
    YAML
    expect(run_cli("export", "/shop/limit").first).to eq "/shop/limit: \"50\"\n"
    expect(run_cli("export", "/none/")).to eq ["{}\n", "", 0]
  end

  it "applies nested and flat files, in YAML and JSON, in one transaction, and shows what differs" do
    etcd.ctl.put("/shop/a", "1")
    etcd.ctl.put("/shop/same", "x")
    nested = "/shop/:\n  a: 1.10\n  same: x\n  deep/:\n    b: [1, on]\n"
    shown = "-  /shop/a       1\n+  /shop/a       1.10\n+  /shop/deep/b  [1,true]\n"
    expect(run_cli("apply", file(nested), "--dry-run")).to eq ["#{shown}compared_at  3\n", "", 0]
    expect(etcd.ctl.current_revision).to eq 3
    expect(run_cli("apply", "-", "--by", "ann", "--change-log", "/log/",
                   stdin: nested)).to eq ["#{shown}revision  4\n", "", 0]
    expect(JSON.parse(etcd.ctl.read_prefix("/log/").values.first)).to include("action" => "apply",
                                                                              "by" => "ann")
    flat = '{"/shop/a": "2", "/shop/smile": "\ud83d\ude00\u00e9\\\\ud83d"}'
    expect(run_cli("apply", file(flat)).last).to eq 0
    expect(content).to eq bytes("/shop/a" => "2", "/shop/same" => "x", "/shop/deep/b" => "[1,true]",
                                "/shop/smile" => "\u{1f600}é\\ud83d")
  end

  it "deletes keys that the file does not have only if asked to, and only under the file's prefixes" do
    %w[/shop/a /shop/b /other/c].each { |key| etcd.ctl.put(key, "1") }
    client(etcd, change_log: "/shop/log/").put("/shop/d", "1")
    lease = etcd.ctl.run("lease", "grant", "600")[/lease (\w+)/, 1]
    etcd.ctl.put("/shop/service", "10.0.0.1:80", "--lease=#{lease}")
    path = file("/shop/:\n  a: '1'\n/other/x: '1'\n")
    expect(run_cli("apply", path).first).to match(%r{\A\+  /other/x  1\nrevision})
    expect(run_cli("apply", path, "--prune", "--change-log", "/shop/log/").first)
      .to match(%r{\A-  /shop/b  1\n-  /shop/d  1\nrevision})
    expect(content.keys).to match ["/shop/a", %r{\A/shop/log/}, %r{\A/shop/log/}, "/shop/service"]
    expect(etcd.ctl.get("/other/c")).to eq "1"
  end

  it "refuses to overwrite what changed since the difference was shown" do
    etcd.ctl.put("/shop/a", "1")
    path = file("/shop/:\n  a: '5'\n  b: '5'\n")
    expect(run_cli("apply", path, "--dry-run").first).to include("compared_at  2")
    etcd.ctl.put("/shop/b", "2")
    etcd.ctl.put("/elsewhere", "x")
    expect(run_cli("apply", path, "--if-revision", "2"))
      .to match ["", %r{"/shop/b" has changed since revision 2.*nothing was written}, 6]
    expect(content).to eq bytes("/shop/a" => "1", "/shop/b" => "2")
    expect(run_cli("apply", path, "--if-revision", "3").last).to eq 0
    etcd.ctl.delete("/shop/a")
    expect(run_cli("apply", path, "--if-revision", "4").last).to eq 6
  end

  it "also refuses it if the change happens while it runs" do
    etcd.ctl.put("/shop/a", "1")
    path = file("/shop/:\n  a: '5'\n  b: '5'\n")
    out = StringIO.new
    out.define_singleton_method(:puts) { |*lines| super(*lines).tap { @ctl&.put("/shop/b", "2") } }
    out.instance_variable_set(:@ctl, etcd.ctl)
    err = StringIO.new
    status = EtcdDiscovery::CLI.new(["--endpoints", etcd.endpoint, "apply", path], out:, err:).run
    expect([status, err.string]).to match [6, %r{"/shop/b".*nothing was written}]
    expect(content).to eq bytes("/shop/a" => "1", "/shop/b" => "2")
  end

  it "reports a wrong file with the line of the mistake, and writes nothing" do
    { "/shop/a: 'x" => /values.yml:\d+ is not YAML/, "/shop/:\n  a:\n" => /values.yml:2 \(a\) has no value/,
      "- 1\n" => /is not a mapping/, "/shop/a: *x\n" => /alias without its anchor/, "\xFF" => /is not UTF-8/,
      "{\"/shop/a\": " => /is not YAML/ }.each do |text, message|
      out, err, status = run_cli("apply", file(text))
      expect([out, status]).to eq ["", 2]
      expect(err).to match(message).and(satisfy { |line| line.lines.size == 1 && !line.include?("source:") })
    end
    expect(run_cli("apply", "/nowhere")).to match ["", %r{/nowhere: No such file}, 2]
    expect(etcd.ctl.current_revision).to eq 1
  end

  it "reports a file that exceeds a transaction, and writes nothing" do
    keys = Array.new(200) { |n| "  k#{n}: x\n" }.join
    expect(run_cli("apply", file("/shop/:\n#{keys}")).values_at(1,
                                                                2)).to match [
                                                                  /apply of 200 keys.*--max-txn-ops/, 1
                                                                ]
    expect(etcd.ctl.current_revision).to eq 1
  end

  it "needs no permission except for its own keys" do
    Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/shop/", access: "readwrite").enforce
    user = %w[--user app:secret]
    expect(run_cli(*user, "apply", file("/shop/:\n  a: x\n")).last).to eq 0
    expect(run_cli(*user, "export", "/shop/").first).to eq "/shop/:\n  a: \"x\"\n"
    expect(run_cli(*user, "apply", file("/other/a: x\n"))).to match ["", /permission/, 5]
    expect(run_cli(*user, "export", "/other/")).to match ["", /permission/, 5]
  end
end
