# frozen_string_literal: true

# Values may be anything (promise 13): `rake fuzz` runs a million of these, the suite a few.
RSpec.describe "decoding an instance" do
  let(:random) { Random.new(RSpec.configuration.seed) }
  let(:cases) { Integer(ENV.fetch("FUZZ_CASES", 4_000)) }
  let(:expected_errors) { [JSON::ParserError, EtcdDiscovery::Error] }
  let(:good) do
    instance = EtcdDiscovery::Instance.new(service: "b", address: "10.1.1.60:8081", id: "one", weight: 2,
                                           metadata: { "zone" => "eu" })
    %i[plain endpoints kratos].map { |name| EtcdDiscovery::Formats[name].encode(instance) }
  end

  def scalar
    [nil, true, -1, Float::MAX, 2**70, "", "a:1", "\u0000", "1e9999", [], {}].sample(random:)
  end

  # JSON with the right names and any content.
  def odd_json
    names = %w[Op Addr Metadata id name version metadata endpoints weight]
    content = names.sample(random.rand(5), random:).to_h do |name|
      [name, [scalar, [scalar], { "weight" => scalar }].sample(random:)]
    end
    JSON.generate(content)
  end

  def damaged
    value = good.sample(random:).b
    random.rand(1..4).times { value.setbyte(random.rand(value.bytesize), random.rand(256)) }
    value[0, random.rand(1..value.bytesize)]
  end

  # As the binding gives it: UTF-8 if it is valid.
  def value
    bytes = [-> { random.bytes(random.rand(40)) }, -> { damaged }, -> { odd_json }].sample(random:).call
    text = bytes.dup.force_encoding("UTF-8")
    text.valid_encoding? ? text : text.b
  end

  def expect_sound(instance)
    expect(instance.address).to be_a(String).and(satisfy { |address| !address.empty? })
    expect(instance.weight).to be >= 0
  end

  %i[plain endpoints kratos zero detect].each do |name|
    it "as #{name} returns an instance with an address, nothing, or an error that says why" do
      format = EtcdDiscovery::Formats[name]
      (cases / 5).times do
        given = value
        read = format.decode("b", "one", "/service/b/one", given)
        expect_sound(read) if read
      rescue *expected_errors => e
        expect(e.message).not_to be_empty
      rescue StandardError => e
        raise "#{given.inspect} raises #{e.class}: #{e.message}"
      end
    end
  end
end
