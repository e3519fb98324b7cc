# frozen_string_literal: true

RSpec.describe "Ruby and Go", :go do
  before(:context) do
    skip Harness::GoPrograms.missing if Harness::GoPrograms.missing
    @etcd = start_etcd
  end

  before { @etcd.ctl.delete("", "--prefix") }

  let(:reader) { client(@etcd, "/service/").tap(&:start) }

  def endpoints(command, *words) = go_program("endpoints", command, @etcd.endpoint, "/service/b", *words)

  def announce(id, address, **options)
    reader.register("b", address, id:, ttl: 10, format: :endpoints, **options).wait(timeout: 30)
  end

  # What a Go program prints as JSON, one document per line.
  def heard(program) = JSON.parse(program.line, symbolize_names: true)

  it "naming/endpoints of clientv3 lists the instances that Ruby registered, with weight and metadata" do
    announce("one", "10.1.1.60:8081")
    announce("two", "10.1.1.61:8081", weight: 2, metadata: { "zone" => "eu" })
    listed = endpoints("list").then { |program| [heard(program), heard(program)] }
    expect(listed).to contain_exactly(
      { Key: "/service/b/one", Addr: "10.1.1.60:8081", Metadata: nil },
      { Key: "/service/b/two", Addr: "10.1.1.61:8081", Metadata: { zone: "eu", weight: 2 } }
    )
  end

  it "naming/endpoints of clientv3 follows Ruby's instances as they come and go" do
    announce("one", "10.1.1.60:8081")
    watching = endpoints("watch")
    expect(heard(watching)).to eq(Key: "/service/b/one", Addr: "10.1.1.60:8081", Metadata: nil)
    second = announce("two", "10.1.1.61:8081")
    expect(heard(watching)).to include(Key: "/service/b/two", Addr: "10.1.1.61:8081")
    second.deregister(timeout: 30)
    expect(heard(watching)).to include(Key: "/service/b/two", Gone: true)
  end

  it "Ruby lists the instances that naming/endpoints of clientv3 added, until they go" do
    announce("one", "10.1.1.60:8081")
    added = endpoints("add", "two", "10.1.1.61:8081", "eu")
    expect(added.line).to eq "announced"
    service = reader.service("b")
    expect_soon("both instances") { service.addresses == %w[10.1.1.60:8081 10.1.1.61:8081] }
    expect(service.instances.last).to have_attributes(id: "two", metadata: { "zone" => "eu" }, weight: 1)

    expect(added.stop).to be_success
    expect_soon("the end of Go's instance") { service.addresses == %w[10.1.1.60:8081] }
  end

  it "in the plain form: Ruby reads and lists the address that a Go program announces, until it ends" do
    announcing = go_program("announce", @etcd.endpoint, "/service/a", "10.1.1.60:8081")
    expect(announcing.line).to eq "announced"
    expect_soon("the address") { reader["/service/a"] == "10.1.1.60:8081" }
    expect(reader.service("a").addresses).to eq ["10.1.1.60:8081"]
    announcing.stop
    expect_soon("its end") { reader["/service/a"].nil? }
  end

  it "in the plain form: a Go program gets and watches the address that Ruby announces" do
    first = reader.register("/service/a", "10.1.1.60:8081", ttl: 10).wait(timeout: 30)
    finding = go_program("find", @etcd.endpoint, "/service/a")
    expect(finding.line).to eq "10.1.1.60:8081"
    first.deregister(timeout: 30)
    expect(finding.line).to eq ""
    reader.register("/service/a", "10.1.1.61:8081", ttl: 10).wait(timeout: 30)
    expect(finding.line).to eq "10.1.1.61:8081"
  end
end
