# frozen_string_literal: true

require "json"
require "open3"

RSpec.describe "names in layers from the command line" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/shop/checkout/limit", "50") } }
  let(:layers) { "/shop/overrides/,/shop/" }
  let(:key) { "/shop/overrides/checkout/limit" }

  # Output, errors, exit status.
  def run_cli(*arguments)
    environment = { "ETCDDISCOVERY_LAYERS" => layers, "ETCDDISCOVERY_ENDPOINTS" => etcd.endpoint }
    out, err, status = Open3.capture3(environment, *command_line(*arguments))
    [out, err, status.exitstatus]
  end

  def json(*arguments) = run_cli(*arguments, "--json").first.lines.map { |line| JSON.parse(line) }

  it "are overridden for a time, explained and released" do
    out, err, status = run_cli("override", "checkout/limit", "10", "--for", "10m", "--change-log", "/log/",
                               "--by", "ann", "--note", "slow database")
    expect([out, err, status]).to match [/\Arevision  \d+\n\z/, "", 0]
    expect([etcd.ctl.get(key), etcd.ctl.granted_ttl(etcd.ctl.lease_of(key))]).to eq ["10", 600]
    expect(etcd.ctl.read_prefix("/log/").values.first).to include('"by":"ann"', '"action":"override"')
    expect(run_cli("explain", "checkout/limit").first.lines.map(&:split))
      .to match [["*", key, "10", /\A\d+\z/, "temporary"], ["/shop/checkout/limit", "50", "2"]]
    parts = json("explain", "checkout/limit")
    expect(parts.map { |part| part.values_at("layer", "value", "temporary", "wins") })
      .to eq [["/shop/overrides/", "10", true, true], ["/shop/", "50", false, false]]
    expect(json("release", "checkout/limit").first.keys).to eq ["revision"]
    expect([etcd.ctl.get(key), etcd.ctl.leases]).to eq [nil, []]
    expect(run_cli("release", "checkout/limit"))
      .to eq ["", "etcd_discovery: checkout/limit is not overridden; nothing was written\n", 3]
    expect(run_cli("explain", "checkout/other").last).to eq 3
  end

  it "with --if-revision are overridden and released only as they were seen" do
    override = ->(value, revision) { run_cli("override", "checkout/limit", value, "--if-revision", revision) }
    expect(override.call("10", "7")).to match ["", /does not exist now/, 6]
    expect(override.call("10", "0").last).to eq 0
    seen = etcd.ctl.mod_revision_of(key)
    expect(override.call("11", "0")).to match ["", /exists/, 6]
    expect(run_cli("release", "checkout/limit", "--if-revision", (seen - 1).to_s).last).to eq 6
    expect(etcd.ctl.get(key)).to eq "10"
    expect(run_cli("release", "checkout/limit", "--if-revision", seen.to_s).last).to eq 0
    expect([etcd.ctl.get(key), etcd.ctl.leases]).to eq [nil, []]
  end

  it "are read, listed and watched by their effective values; keys as ever" do
    etcd.ctl.put(key, "10")
    expect(run_cli("get", "checkout/limit")).to eq ["10\n", "", 0]
    expect(run_cli("get", "/shop/checkout/limit")).to eq ["50\n", "", 0]
    expect(run_cli("list", "checkout/")).to eq ["checkout/limit  10\n", "", 0]
    expect(run_cli("list", "checkout/limit")).to eq ["checkout/limit  10\n", "", 0]
    expect(run_cli("list", "checkout/none").last).to eq 3
    watch = talking_process(*command_line("--endpoints", etcd.endpoint, "--layers", layers,
                                          "watch", "checkout/limit"))
    expect(watch.line).to eq "put     checkout/limit  10"
    etcd.ctl.put("/shop/checkout/limit", "60")
    etcd.ctl.delete(key)
    expect(watch.line).to eq "put     checkout/limit  60"
  end

  it "are refused where a key is needed, and so is an invalid time" do
    expect(run_cli("put", "checkout/limit", "1")).to match ["", %r{whole key.*"/shop/checkout/limit"}, 1]
    expect(run_cli("override", "/shop/checkout/limit", "1")).to match ["", /not a name/, 2]
    expect(run_cli("override", "checkout/limit", "1", "--for", "soon")).to match ["", /"soon" is no time/, 2]
    expect(run_cli("override", "checkout/limit", "1", "--for", "0")).to match ["", /--for: .*above 0/, 2]
    expect(run_cli("override", "checkout/limit")).to match ["", /no value given/, 2]
    expect(run_cli("explain", "checkout/limit", "--if-revision", "5")).to match ["", /no --if-revision/, 2]
    expect(run_cli("put", "/a", "1", "--for", "5")).to match ["", /no --for for this command/, 2]
    expect(run_cli("explain", "checkout/limit", "--layers", "shop/")).to match ["", /layers: /, 2]
    expect(etcd.ctl.read_prefix("").keys).to eq ["/shop/checkout/limit"]
  end

  it "delete an existing key, and say so if there is none" do
    expect(run_cli("delete", "/shop/none"))
      .to eq ["", "etcd_discovery: no key /shop/none; nothing was deleted\n", 3]
    expect(run_cli("delete", "/shop/none", "--if-revision", "7").last).to eq 6
    expect(run_cli("delete", "/shop/checkout/limit")).to match [/\Arevision  3\n\z/, "", 0]
  end
end
