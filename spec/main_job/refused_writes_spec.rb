# frozen_string_literal: true

RSpec.describe "a write that etcd refuses" do
  let(:proxy) { start_proxy(etcd) }
  let(:writer) { client(proxy, "/a/", request_timeout: 10).start }

  # The error of a refused `write`, which must not cause a new connection.
  def refusal(&write)
    writer.put("/a/before", "v")
    before = proxy.accepted
    error = Array.new(3) { raised_by(&write) }.last
    writer.put("/a/after", "v") unless error.is_a?(EtcdDiscovery::ResourceExhaustedError)
    expect(proxy.accepted).to eq before
    error
  end

  def raised_by
    yield
    nil
  rescue StandardError => e
    e
  end

  describe "because of its content" do
    let(:etcd) { start_etcd }

    {
      "a put that is larger than etcd takes" => ->(writer) { writer.put("/a/k", "x" * 1_900_000) },
      "a put that is larger than a message of gRPC" => ->(writer) { writer.put("/a/k", "x" * 20_000_000) },
      "a conditional put that is too large" => lambda { |writer|
                                                 writer.put("/a/k", "x" * 2_000_000, if_revision: 0)
                                               },
      "a large compare_and_set" => ->(writer) { writer.compare_and_set("/a/k", nil, "x" * 2_000_000) },
      "a put without a key" => ->(writer) { writer.put("", "x") },
      "a delete without a key" => ->(writer) { writer.delete("") },
      "a compare_and_set without a key" => ->(writer) { writer.compare_and_set("", nil, "x") }
    }.each do |what, write|
      it "is an InvalidRequestError and costs no connection: #{what}" do
        error = refusal { write.call(writer) }
        expect(error).to be_a(EtcdDiscovery::InvalidRequestError)
        expect(error).not_to be_a(EtcdDiscovery::ConnectionError)
        expect(error.endpoint).to eq proxy.endpoint
        expect(error.message.length).to be < 400
      end
    end

    it "shows in the registration that is too large, and costs no connection" do
      writer.put("/a/before", "v")
      before = proxy.accepted
      large = writer.register("b", "1.2.3.4:5", metadata: { "a" => "x" * 2_000_000 }, format: :endpoints)
      expect { large.wait(timeout: 2) }
        .to raise_error(EtcdDiscovery::RegistrationError, /too large|larger than max/)
      expect(large.last_error).to be_a(EtcdDiscovery::InvalidRequestError)
      expect(proxy.accepted).to eq before
    end
  end

  describe "because its space is used up" do
    let(:etcd) { start_etcd(flags: ["--quota-backend-bytes=#{16 << 20}"]) }

    before do
      writer
      expect_soon("etcd to be full") { raised_by { 20.times { writer.put("/a/big", "x" * 1_000_000) } } }
    end

    it "is a ResourceExhaustedError that names the alarm and the remedy, and reads still work" do
      error = raised_by { writer.put("/a/k", "v") }
      expect(error).to be_a(EtcdDiscovery::ResourceExhaustedError)
      expect(error.message).to include("NOSPACE").and include("etcdctl alarm disarm")
      before = proxy.accepted
      3.times { raised_by { writer.put("/a/k", "v") } }
      expect(proxy.accepted).to eq before
      expect(writer["/a/big"]).to start_with("x")
    end

    it "shows in the registration" do
      registration = writer.register("b", "1.2.3.4:5")
      expect { registration.wait(timeout: 2) }.to raise_error(EtcdDiscovery::RegistrationError, /NOSPACE/)
      expect(registration.last_error).to be_a(EtcdDiscovery::ResourceExhaustedError)
    end
  end

  describe "because its members disagree" do
    let(:etcd) { start_etcd }

    it "is a CorruptError that names the alarm, costs no connection, and reads still work" do
      writer.put("/a/k", "v")
      expect_soon("the value") { writer["/a/k"] == "v" }
      before = proxy.accepted
      Harness::Gateway.new([etcd.port]).call("/v3/maintenance/alarm", action: "ACTIVATE", alarm: "CORRUPT")
      error = Array.new(3) { raised_by { writer.put("/a/k", "w") } }.last
      expect(error).to be_a(EtcdDiscovery::CorruptError)
      expect(error.message).to include("CORRUPT").and include("etcdctl alarm disarm")
      expect([proxy.accepted, writer["/a/k"]]).to eq [before, "v"]
    end
  end
end
