# frozen_string_literal: true

require "json"
require "open3"

RSpec.describe "what the command line prints" do
  let(:etcd) { start_etcd }
  let(:writer) { client(etcd) }

  hazards = /[\x00-\x08\x0b-\x1f\x7f]|\xC2[\x80-\x9f]|\xE2\x80[\x8b-\x8f\xa8-\xae]/n
  odd = { "/m/\xFF".b => "caf\u00e9", "/m/caf\u00e9" => "\xFF\x00".b,
          "/m/\e]0;title\a" => "\e[2Jx\nforged  row",
          "/m/\u{9b}31m" => "\u202Egnp.exe", "/m/quote\"" => %({"a": 1}), "/m/z" => "" }

  def run_cli(*arguments)
    out, err, status = Open3.capture3(*command_line("--endpoints", etcd.endpoint, *arguments))
    [out.b, err, status.exitstatus]
  end

  def json(*arguments) = run_cli(*arguments, "--json").first.lines.map { |line| JSON.parse(line) }

  it "shows keys and values with control characters or invalid UTF-8 in one harmless row each" do
    odd.each { |key, value| writer.put(key, value) }
    out, err, status = run_cli("list", "/m/")
    expect([err, status]).to eq ["", 0]
    expect(out).not_to match(hazards)
    rows = out.force_encoding("UTF-8").lines(chomp: true).map { |line| line.split(/ {2,}(?=\S)/) }
    expect(rows).to contain_exactly(
      ['"/m/\xff"', "caf\u00e9"], ["/m/caf\u00e9", '"\xff\x00"'],
      ['"/m/\x1b]0;title\x07"', '"\x1b[2Jx\nforged', 'row"'], ['"/m/\u009b31m"', '"\u202egnp.exe"'],
      ['/m/quote"', '{"a": 1}'], ["/m/z", '""']
    )
  end

  it "prints valid JSON, with the exact bytes in Base64 beside text that is not UTF-8" do
    odd.each { |key, value| writer.put(key, value) }
    out = run_cli("list", "/m/", "--json").first
    expect(out.delete("\n")).not_to match(hazards)
    exact = json("list", "/m/").to_h do |row|
      %w[key value].map { |name| row["#{name}_base64"]&.unpack1("m0") || row[name].b }
    end
    expect(exact).to eq(odd.to_h { |key, value| [key.b, value.b] })
    expect(json("get", "/m/z")).to eq [{ "key" => "/m/z", "value" => "" }]
  end

  it "shows services with odd keys and values, for people and for machines" do
    writer.put("/service/\x00x/1", "10.0.0.4:80") # a name that `register` refuses
    writer.put("/service/caf\u00e9/\xFF".b, "10.0.0.3:80")
    writer.put("/service/b/1", %({"Op":0,"Addr":"10.0.0.1:80","Metadata":{"a\xFF":"\xFF"}}))
    out, err, status = run_cli("services")
    expect([out, err, status]).to match [%r{\A(?!.*\x00).*/\\xff"}m, "", 0]
    expect(out.lines.size).to eq 2
    keys = json("services").map { |row| row["key_base64"]&.unpack1("m0") || row["key"].b }
    expect(keys).to contain_exactly("/service/caf\u00e9/\xFF".b, "/service/b/1")
  end

  it "shows each change of an odd key in one row" do
    process = talking_process(*command_line("--endpoints", etcd.endpoint, "watch", "/m/"))
    writer.put("/m/\xFF\nput  /m/forged".b, "\e[2J")
    expect(process.line).to eq 'put     "/m/\xff\nput  /m/forged"  "\x1b[2J"'
    writer.delete("/m/\xFF\nput  /m/forged".b)
    expect(process.line).to eq 'delete  "/m/\xff\nput  /m/forged"'
    process.stop(:INT)
  end

  it "writes the bytes of a value to a pipe, and nothing that a terminal acts on to a terminal" do
    writer.put("/m/binary", "\xFF\x00\e[2J\n\n".b)
    writer.put("/m/text", "one\n\e[2Jtwo")
    expect(run_cli("get", "/m/binary").first).to eq "\xFF\x00\e[2J\n\n".b
    expect(run_cli("get", "/m/text").first).to eq "one\n\e[2Jtwo\n"
    expect(on_a_terminal("get", "/m/text")).to eq ["one", '\x1b[2Jtwo']
    expect(on_a_terminal("get", "/m/binary")).to eq ['\xff\x00\x1b[2J', ""]
  end

  it "repeats no character of an argument that a terminal acts on" do
    out, err, status = run_cli("jug\e[2J\ngle")
    expect([out, err.lines.size, status]).to eq ["", 1, 2]
    expect(err).to include('jug\x1b[2J\ngle')
  end

  def on_a_terminal(*arguments, **options)
    terminal_lines(*command_line("--endpoints", etcd.endpoint, *arguments), **options)
  end
end
