# frozen_string_literal: true

RSpec.describe EtcdDiscovery::Formats do
  def instance(**fields)
    EtcdDiscovery::Instance.new(**{ service: "b", address: "10.1.1.60:8081", id: "one" }, **fields)
  end

  def encoded(format, **fields)
    given = instance(**fields)
    [described_class[format].key(given), described_class[format].encode(given)]
  end

  it "write what the other stacks read" do
    expect(encoded(:plain)).to eq ["/service/b/one", "10.1.1.60:8081"]
    expect(encoded(:plain, id: nil)).to eq ["/service/b", "10.1.1.60:8081"]
    expect(encoded(:endpoints))
      .to eq ["/service/b/one", '{"Op":0,"Addr":"10.1.1.60:8081","Metadata":null}']
    expect(encoded(:endpoints, weight: 2, metadata: { "zone" => "eu" }).last)
      .to eq '{"Op":0,"Addr":"10.1.1.60:8081","Metadata":{"zone":"eu","weight":2}}'
    expect(encoded(:kratos, metadata: { "version" => "v1", "zone" => "eu" })).to eq [
      "/microservices/b/one",
      '{"id":"one","name":"b","version":"v1","metadata":{"zone":"eu"},"endpoints":["http://10.1.1.60:8081"]}'
    ]
    expect(encoded(:zero)).to eq ["b", "10.1.1.60:8081"]
    expect(described_class[:zero].under_lease?).to be true
  end

  it "read back what they wrote" do
    %i[endpoints kratos].each do |name|
      format = described_class[name]
      given = instance(weight: 2.0, metadata: { "zone" => "eu" })
      read = format.decode("b", "one", "/k", format.encode(given))
      expect([read.id, read.address, read.weight, read.metadata["zone"], read.key])
        .to eq ["one", "10.1.1.60:8081", 2.0, "eu", "/k"]
    end
  end

  # Values as those programs left them in a real etcd. The comments name the programs, their versions and
  # keys.
  it "read what the other stacks write" do
    { # kratos 2.8.4, registry.ServiceInstance
      [:kratos, '{"id":"one","name":"b","version":"v1","metadata":{"weight":"3","zone":"eu"},' \
                '"endpoints":["grpc://10.1.1.60:9000?isSecure=false","http://10.1.1.60:8000"]}'] =>
        ["10.1.1.60:9000", 3.0, "v1"],
      [:kratos, '{"id":"two","name":"b","version":"","metadata":null,"endpoints":["http://[::1]:8000"]}'] =>
        ["[::1]:8000", 1, ""],
      # clientv3 3.5.17, naming/endpoints
      [:endpoints, '{"Op":0,"Addr":"10.1.1.61:8081","Metadata":{"zone":"eu"}}'] => ["10.1.1.61:8081", 1, nil],
      # go-zero 1.10.3, core/discov, at user.rpc/1418812022337679877
      [:zero, "10.1.1.60:8081"] => ["10.1.1.60:8081", 1, nil]
    }.each do |(format, value), expected|
      read = described_class[format].decode("b", "one", "/k", value)
      expect([read.address, read.weight, read.metadata["version"]]).to eq expected
    end
  end

  it "are detected from the value if none is given" do
    detect = described_class[:detect]
    %i[plain endpoints kratos].each do |name|
      value = described_class[name].encode(instance)
      expect(detect.decode("b", "one", "/k", value).address).to eq "10.1.1.60:8081"
    end
  end

  it "read an update that means a deletion as no instance" do
    expect(described_class[:endpoints].decode("b", "one", "/k", '{"Op":1,"Addr":"a:1"}')).to be_nil
  end

  it "accept no service or id that is a path upwards, or contains a NUL or a line break" do
    bad = ["..", ".", "a\0b", "a\nb", "a\r", "a\tb", ""]
    [*bad, "a/b"].each do |id|
      expect { instance(id:) }.to raise_error(EtcdDiscovery::ConfigurationError, /\Aid: /)
    end
    [*bad, "/service/../b", "/service/b\n/"].each do |service|
      expect { instance(service:) }.to raise_error(EtcdDiscovery::ConfigurationError, /\Aservice: /)
      expect { EtcdDiscovery::Client.new(watch: "/service/").service(service) }
        .to raise_error(EtcdDiscovery::ConfigurationError, /\Aservice: /)
    end
    expect(instance(id: "..a", service: "/service/a..b").id).to eq "..a"
  end

  it "may be added" do
    upside_down = Class.new(described_class::Format) do
      def encode(instance) = instance.address.reverse

      def decode(service, id, key, value) = build(service, id, key, value.reverse)
    end
    described_class.add(:upside_down, upside_down.new)
    expect(encoded(:upside_down).last).to eq "1808:06.1.1.01"
    expect(described_class[:upside_down].decode("b", "one", "/k", "1:a").address).to eq "a:1"
    expect { described_class[:unheard] }.to raise_error(EtcdDiscovery::ConfigurationError, /:upside_down/)
  end

  it "refuse what their JSON cannot represent, and an invalid weight" do
    [Float::NAN, "\xff", (circle = []) << circle].each do |value|
      expect { encoded(:endpoints, metadata: { "a" => value }) }
        .to raise_error(EtcdDiscovery::ConfigurationError, /metadata: JSON cannot represent it/)
    end
    expect { encoded(:endpoints, weight: Float::INFINITY) }
      .to raise_error(EtcdDiscovery::ConfigurationError, /\Aweight or /)
    [Float::NAN, Complex(1, 1), -1].each do |weight|
      expect { instance(weight:) }.to raise_error(EtcdDiscovery::ConfigurationError, /\Aweight: /)
    end
  end
end
