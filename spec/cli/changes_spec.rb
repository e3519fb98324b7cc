# frozen_string_literal: true

require "json"
require "open3"

RSpec.describe "changing values from the command line" do
  let(:etcd) { start_etcd }
  let(:log) { %w[--change-log /log/] }

  # Returns output, errors and exit status.
  def run_cli(*arguments, stdin: "")
    command = command_line("--endpoints", etcd.endpoint, *arguments)
    out, err, status = Open3.capture3(*command, stdin_data: stdin, binmode: true)
    [out.force_encoding("UTF-8"), err, status.exitstatus]
  end

  def json(*arguments) = run_cli(*arguments, "--json").first.lines.map { |line| JSON.parse(line) }

  it "writes exactly the bytes of a file or of standard input" do
    bytes = "\x00\xFF\n-5\n".b
    expect(run_cli("put", "/a", "--file", "-", stdin: bytes)).to eq ["revision  2\n", "", 0]
    expect(etcd.ctl.get("/a")).to eq bytes
    Tempfile.create("value-") do |file|
      File.binwrite(file.path, "one\ntwo\n")
      expect(run_cli("put", "/b", "--file", file.path).last).to eq 0
      expect(etcd.ctl.get("/b")).to eq "one\ntwo\n"
      expect(run_cli("put", "/b", "x", "--file", file.path)).to match ["", /VALUE or --file.*not both/, 2]
    end
    expect(run_cli("put", "/b", "--file", "/nowhere")).to match ["", %r{/nowhere: No such file}, 2]
    expect(run_cli("put", "/b")).to match ["", /no value given/, 2]
  end

  it "writes and deletes only what has not changed since, and reports it by its exit status" do
    expect(run_cli("put", "/a", "1", "--if-revision", "0")).to eq ["revision  2\n", "", 0]
    expect(run_cli("put", "/a", "2", "--if-revision", "0"))
      .to eq ["", "etcd_discovery: /a has changed since revision 0; nothing was written\n", 6]
    expect(run_cli("put", "/a", "2", "--if-revision", "2").last).to eq 0
    expect(run_cli("delete", "/a", "--if-revision", "2").last).to eq 6
    expect(json("delete", "/a", "--if-revision", "3")).to eq [{ "revision" => 4 }]
    expect([etcd.ctl.get("/a"), etcd.ctl.current_revision]).to eq [nil, 4]
  end

  it "refuses an option that a command does not have, instead of ignoring it" do
    [%w[put /a 1 --dry-run], %w[delete /a --prune], %w[get /a --by ann],
     %w[diff /a --from 1 --limit 2]].each do |words|
      expect(run_cli(*words)).to match ["", /#{words.first}: there is no --[a-z-]+ for this command; see/, 2]
    end
    expect(run_cli("diff", "/a")).to match ["", /--from REVISION is missing/, 2]
    expect(run_cli("rollback", "/a")).to match ["", /--to REVISION is missing/, 2]
    expect(run_cli("rollback", "/a", "--to", "0")).to match ["", /a number above 0 .*, got 0/, 2]
    expect(run_cli("rollback", "/a", "--to", (2**63).to_s)).to match ["", /\A[^\n]*below 2\*\*63.*\n\z/, 2]
    expect(run_cli("history", "/a", "--limit", "0")).to match ["", /limit: expected a number above 0/, 2]
    expect(etcd.ctl.current_revision).to eq 1
  end

  it "shows the history of a key, with author and reason" do
    run_cli(*log, "put", "/a", "1", "--by", "ann", "--note", "the sale starts")
    etcd.ctl.put("/a", "\e[2J")
    run_cli(*log, "delete", "/a", "--by", "bob")
    out, err, status = run_cli(*log, "history", "/a")
    rows = out.lines(chomp: true)
    expect([err, status, rows.size]).to eq ["", 0, 3]
    expect(rows[0]).to match(/\A4  delete  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  bob\z/)
    expect(rows[1]).to match(/\A3  put  +"\\x1b\[2J"\z/)
    expect(rows[2]).to match(/\A2  put     \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ann  1  +the sale starts\z/)
    expect(json(*log, "history", "/a", "--limit", "1"))
      .to match [include("revision" => 4, "type" => "delete", "by" => "bob", "action" => "delete")]
    expect(json("history", "/a").last).to eq("key" => "/a", "revision" => 2, "type" => "put", "value" => "1")
    expect(run_cli("history", "/none")).to eq ["", "", 3]
  end

  it "shows what differs, restores it, and can show it first" do
    etcd.ctl.transaction([:put, "/shop/a", "1"], [:put, "/shop/long", "x"])
    etcd.ctl.transaction([:put, "/shop/a", "2"], [:del, "/shop/long"], [:put, "/shop/c", "3"])
    back = "-  /shop/a     2\n+  /shop/a     1\n-  /shop/c     3\n+  /shop/long  x\n"
    expect(run_cli("diff", "/shop/", "--from", "3", "--to", "2")).to eq [back, "", 0]
    expect(json("diff", "/shop/", "--from", "2"))
      .to eq [{ "type" => "put", "key" => "/shop/a", "before" => "1", "after" => "2" },
              { "type" => "put", "key" => "/shop/c", "after" => "3" },
              { "type" => "delete", "key" => "/shop/long", "before" => "x" }]
    expect(run_cli("rollback", "/shop/", "--to", "2", "--dry-run")).to eq [back, "", 0]
    expect(etcd.ctl.current_revision).to eq 3
    expect(run_cli(*log, "rollback", "/shop/", "--to", "2", "--note",
                   "oops")).to eq ["#{back}revision  4\n", "", 0]
    expect(etcd.ctl.read_prefix("/shop/")).to eq("/shop/a" => "1", "/shop/long" => "x")
    expect(JSON.parse(etcd.ctl.read_prefix("/log/").values.first)).to include("action" => "rollback",
                                                                              "note" => "oops")
    expect(run_cli("rollback", "/shop/", "--to", "2")).to eq ["", "", 0]
    etcd.ctl.compact(4)
    expect(run_cli("rollback", "/shop/", "--to", "2")).to match ["", /oldest revision available is 4/, 1]
  end

  it "leaves the change log and the fleet under a prefix alone when it goes back" do
    own = %w[--change-log /shop/changes/ --fleet /shop/fleet/]
    etcd.ctl.put("/shop/a", "1")
    etcd.ctl.put("/shop/fleet/note", "1")
    run_cli(*own, "put", "/shop/a", "2")
    etcd.ctl.put("/shop/fleet/note", "2")
    logged = etcd.ctl.read_prefix("/shop/changes/")
    back = "-  /shop/a  2\n+  /shop/a  1\n"
    expect(run_cli(*own, "diff", "/shop/", "--from", "2").first).to eq "-  /shop/a  1\n+  /shop/a  2\n"
    expect(run_cli(*own, "rollback", "/shop/", "--to", "2")).to eq ["#{back}revision  6\n", "", 0]
    expect(etcd.ctl.read_prefix("/shop/changes/").size).to eq 2
    expect(etcd.ctl.read_prefix("/shop/")).to include("/shop/a" => "1", "/shop/fleet/note" => "2", **logged)
    expect(run_cli(*own, "rollback", "/shop/", "--to", "2")).to eq ["", "", 0]
    expect(run_cli(*own, "export", "/shop/").first).to eq "/shop/:\n  a: \"1\"\n"
    expect(run_cli(*own, "diff", "/shop/changes/", "--from", "2").first.lines.size).to eq 2
    expect(run_cli(*own, "rollback", "/shop/changes/", "--to", "2"))
      .to match [/./, /belongs to the change log/, 1]
  end

  it "is coloured only on a terminal, and prints no control character of a key or a value" do
    etcd.ctl.put("/a", "\e[31mred")
    expect(on_a_terminal("diff", "/a", "--from", "1")).to eq ["\e[32m+  /a  \"\\x1b[31mred\"\e[0m"]
    expect(on_a_terminal("diff", "/a", "--from", "1",
                         env: { "NO_COLOR" => "1" })).to eq ['+  /a  "\x1b[31mred"']
    expect(run_cli("diff", "/a", "--from", "1").first).to eq "+  /a  \"\\x1b[31mred\"\n"
  end

  def on_a_terminal(*arguments, **options)
    terminal_lines(*command_line("--endpoints", etcd.endpoint, *arguments), **options)
  end
end
