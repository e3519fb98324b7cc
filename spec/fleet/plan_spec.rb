# frozen_string_literal: true

RSpec.describe EtcdDiscovery.const_get(:Rollout)::Plan do
  def member(host, *layers, pid: 1) = EtcdDiscovery::Fleet::Member.new(host:, pid:, layers:)

  def hosts(count)
    Array.new(count) do |n|
      member(format("web-%02d", n), "/over/", format("/hosts/web-%02d/", n), "/production/", "/shared/")
    end
  end

  def plan(members, steps = [1, "10%", :all], **options)
    described_class.new(members, "checkout/limit", described_class.check_steps(steps), **options)
  end

  def sizes(count, *steps) = plan(hosts(count), steps).steps.map(&:size)

  it "takes numbers and shares of hosts, never fewer than before, and leaves out steps that add no host" do
    expect(sizes(20, 1, "10%", "all")).to eq [1, 2, 20]
    expect(sizes(15, "1", "10%", "50%", :all)).to eq [1, 2, 8, 15]
    expect(sizes(3, 1, "10%", :all)).to eq [1, 3]
    expect(sizes(2, 5, :all)).to eq [2]
    expect(sizes(1, :all)).to eq [1]
  end

  it "refuses steps that do not end with all hosts, and what is no step" do
    [[1, "10%"], [:all, 1], [], [0, :all], ["-1", :all], ["0%", :all], ["101%", :all],
     ["many", :all]].each do |steps|
      expect { described_class.check_steps(steps) }.to raise_error(ArgumentError, /steps: /)
    end
  end

  it "refuses a name that no layer has" do
    ["", "/checkout/limit", "checkout/"].each do |name|
      expect { described_class.check_name(name) }.to raise_error(ArgumentError, /no name in the layers/)
    end
  end

  it "finds each host's own layer by its name, and the first one that all have below" do
    found = plan(hosts(2))
    expect(found.hosts).to eq %w[web-00 web-01]
    expect(found.key_of("web-01")).to eq "/hosts/web-01/checkout/limit"
    expect(found.target).to eq "/production/checkout/limit"
    expect(plan(hosts(2), layer: "/shared/").target).to eq "/shared/checkout/limit"
  end

  it "finds a layer that does not name the host as the one that no other host has" do
    members = [member("a1", "/racks/one/", "/production/"), member("b2", "/racks/two/", "/production/")]
    expect(plan(members).key_of("b2")).to eq "/racks/two/checkout/limit"
  end

  it "knows the keys that would hide the value, or be lost with the lease" do
    expect(plan(hosts(2)).covering_keys)
      .to eq %w[/over/checkout/limit /hosts/web-00/checkout/limit /hosts/web-01/checkout/limit]
    expect(plan(hosts(1), layer: "/shared/").covering_keys).to include "/production/checkout/limit"
  end

  it "says what is wrong where hosts have no layer of their own, or none is shared" do
    refused = lambda do |members, words, **options|
      expect do
        plan(members, **options)
      end.to raise_error(EtcdDiscovery::ConfigurationError, /#{words}.*nothing was/)
    end
    refused.call([], "the fleet has no member")
    refused.call([member("a")], "no process of the fleet has layers")
    refused.call([member("a", "/production/"), member("b", "/hosts/b/", "/production/")],
                 "a pid 1 has no layer of its own")
    refused.call([member("a", "/hosts/a/")], "no layer stands below")
    refused.call([member("a", "/x/a/", "/p/"), member("a", "/y/a/", "/p/")],
                 "the processes of a have different")
    refused.call(hosts(2), 'layer: "/over/" does not stand below .*/production/, /shared/', layer: "/over/")
  end

  it "leaves processes without layers out" do
    expect(plan([*hosts(2), member("db-1")]).hosts).to eq %w[web-00 web-01]
  end
end
