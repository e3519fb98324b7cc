# frozen_string_literal: true

RSpec.describe "an entry under a service" do
  before(:context) { @etcd = start_etcd }

  before { @etcd.ctl.delete("", "--prefix") }

  let(:reader) { client(@etcd, "/service/", "/microservices/").tap(&:start) }

  def stands(entries)
    revision = entries.map { |key, value| @etcd.ctl.put(key, value) }.last
    expect_soon("revision #{revision}") { reader.snapshot.revision >= revision }
  end

  it "that only marks a folder for an etcd browser is no instance, and not reported as a mistake" do
    mark = "etcdv3_dir_$2H#%gRe3*t"
    stands("/service/b" => mark, "/service/b/" => "init_dir", "/service/b/sub" => mark,
           "/service/b/dir/" => "", "/service/b/1" => "10.0.0.1:80", "/service/c/" => "?",
           "/service/c/2" => "10.0.0.2:80")
    expect(%w[b c].map { |name| reader.service(name).addresses }).to eq [["10.0.0.1:80"], ["10.0.0.2:80"]]
    expect(%w[b c].map { |name| reader.service(name).rejected }).to eq [{}, {}]
  end

  it "that may be a mistake is skipped and reported once" do
    stands("/service/b/" => "10.0.0.1:80", "/service/b/1" => "weight=1&state=active",
           "/service/b/2" => "a:1,b:2", "/service/b/5" => "null", "/service/b/6" => "http://",
           "/service/b/3" => "10.0.0.3:80", "/service/b/4" => "")
    service = reader.service("b")
    events = []
    service.on_event { |event| events << event.type }
    2.times { expect(service.addresses).to eq ["10.0.0.3:80"] }
    expect(service.rejected.keys).to eq(["", 1, 2, 4, 5, 6].map { |id| "/service/b/#{id}" })
    expect_soon("the events") { events == %i[rejected] * 6 }
  end

  it "that belongs to a nested service is no instance; one with a slash in its id is" do
    kratos = ->(name, id) { JSON.generate("id" => id, "name" => name, "endpoints" => ["http://10.0.0.4:80"]) }
    stands("/service/pay/1" => "10.0.0.1:80", "/service/pay/v2/1" => "10.0.0.2:80",
           "/service/pay//2" => "10.0.0.5:80",
           "/service/pay/http://10.0.0.3:80" => '{"Op":0,"Addr":"http://10.0.0.3:80"}',
           "/microservices/pay/1" => kratos["pay", "1"], "/microservices/pay/v2/2" => kratos["pay/v2", "2"])
    expect(reader.service("pay").addresses).to eq %w[10.0.0.1:80 http://10.0.0.3:80]
    expect(reader.service("/service/pay/v2").addresses).to eq ["10.0.0.2:80"]
    expect(reader.service("pay", format: :kratos).instances.map(&:id)).to eq ["1"]
  end

  it "that is an endpoint of Go is an instance, whatever names its Metadata has" do
    stands("/service/go/1" => '{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"endpoints":["/a"]}}')
    expect(reader.service("go").instances.map { |one| [one.address, one.metadata] })
      .to eq [["10.0.0.1:80", { "endpoints" => ["/a"] }]]
  end

  it "with one address under two ids counts once" do
    stands("/service/b/1" => "10.0.0.1:80", "/service/b/2" => "10.0.0.1:80", "/service/b/3" => "10.0.0.2:80")
    service = reader.service("b")
    expect(Array.new(10) { service.pick.address }.tally).to eq("10.0.0.1:80" => 5, "10.0.0.2:80" => 5)
    expect(service.rejected).to eq("/service/b/2" => "its address is also that of /service/b/1")
  end
end
