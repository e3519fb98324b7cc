# frozen_string_literal: true

require "tempfile"
require "timeout"

RSpec.describe "bad input" do
  # Ends a hang. The promise is "within boot_timeout", which is 2 s here; the rest is for a slow machine.
  def promptly(&block) = Timeout.timeout(30, &block)

  # No one should see at night where in the native code the error happened.
  def expect_no_rust(error)
    expect(error.message).not_to match(/panicked|\.rs:|RUST_BACKTRACE|unwrap/)
  end

  def error_from(error_class, &block)
    found = nil
    promptly { expect(&block).to raise_error(error_class) { |error| found = error } }
    found.tap { expect_no_rust(found) }
  end

  def start_against(endpoint, **settings)
    client(endpoint, "/service/", boot_timeout: 2, **settings).start
  end

  def greet(socket)
    socket.write("220 mail ready\r\n")
    socket.close
  end

  def dead_endpoint = "http://127.0.0.1:#{Harness::FreePort.take}"

  # The text instead of a port may be a password, if the host was forgotten. No error repeats it.
  def harmless(endpoint) = endpoint[%r{\A(?:\w+://)?[^:]*:?(?:\d+\z)?}]

  {
    "without a scheme or host" => "not a url",
    "of a scheme that etcd does not speak" => "ftp://127.0.0.1:2379",
    "without a host" => "http://:2379",
    "with a port that cannot be" => "http://127.0.0.1:99999",
    "with a port that is no number" => "http://127.0.0.1:etcd",
    "that is empty" => "",
    "with a NUL byte" => "http://127.0.0.1:2379\0"
  }.each do |description, endpoint|
    it "an endpoint #{description} is refused and named" do
      error = error_from(EtcdDiscovery::ConfigurationError) { start_against(endpoint) }
      expect(error.message).to include("endpoint").and include(harmless(endpoint))
    end
  end

  [nil, [], 42, [nil], { a: 1 }].each do |endpoints|
    it "endpoints given as #{endpoints.inspect} are refused" do
      error = error_from(EtcdDiscovery::ConfigurationError) do
        EtcdDiscovery::Client.new(endpoints:, watch: ["/service/"]).start
      end
      expect(error.message).to include("endpoints")
    end
  end

  [[nil], [42]].each do |watched|
    it "a watch list given as #{watched.inspect} is refused" do
      error = error_from(EtcdDiscovery::ConfigurationError) { client(dead_endpoint, *watched).start }
      expect(error.message).to include("watch")
    end
  end

  %i[ca_file cert_file key_file].each do |setting|
    {
      "does not exist" => ->(_) { "/nowhere/at-all.pem" },
      "is a folder" => ->(_) { Dir.tmpdir },
      "holds no certificate or key" => ->(file) { file.tap { file.write("nonsense") }.tap(&:flush).path }
    }.each do |description, make|
      it "a #{setting} that #{description} is refused with its path" do
        Tempfile.create("pem") do |file|
          certificates = Harness::Certificates.new
          path = make.call(file)
          files = { ca_file: certificates.ca_file, cert_file: certificates.client_cert,
                    key_file: certificates.client_key }.merge(setting => path)
          error = error_from(EtcdDiscovery::ConfigurationError) { start_against("https://127.0.0.1:1", **files) }
          expect(error.message).to include(setting.to_s).and include(path)
        end
      end
    end
  end

  it "a TLS file that does not exist matters only to processes that connect" do
    missing = client("https://127.0.0.1:1", "/service/", ca_file: "/nowhere.pem", boot_timeout: 2)
    [-> { missing.start }, -> { missing["/service/b"] }, lambda {
                                                           missing.put("/service/b", "1")
                                                         }].each do |connect|
      expect(error_from(EtcdDiscovery::ConfigurationError,
                        &connect).message).to include("ca_file: /nowhere.pem")
    end
    expect(missing.status.state).to eq :stopped
  end

  [0, -1, "soon", Float::NAN, nil].each do |seconds|
    it "a boot_timeout of #{seconds.inspect} is refused" do
      error = error_from(EtcdDiscovery::ConfigurationError) do
        client(dead_endpoint, "/service/", boot_timeout: seconds).start
      end
      expect(error.message).to include("boot_timeout")
    end
  end

  it "an etcd that does not exist is named" do
    endpoint = dead_endpoint
    error = error_from(EtcdDiscovery::ConnectionError) { start_against(endpoint) }
    expect(error.message).to include(endpoint)
  end

  it "a host name that does not exist is named" do
    error = error_from(EtcdDiscovery::ConnectionError) { start_against("http://etcd.invalid:2379") }
    expect(error.message).to include("etcd.invalid")
  end

  it "an etcd that accepts connections and never answers is named" do
    proxy = start_proxy(start_etcd)
    proxy.blackhole
    error = error_from(EtcdDiscovery::ConnectionError) { start_against(proxy.endpoint) }
    expect(error.message).to include(proxy.endpoint)
  end

  it "a server that is not etcd is named" do
    server = TCPServer.new("127.0.0.1", 0)
    Thread.new { greet(server.accept) until server.closed? }.report_on_exception = false
    endpoint = "http://127.0.0.1:#{server.addr[1]}"
    error = error_from(EtcdDiscovery::ConnectionError) { start_against(endpoint) }
    expect(error.message).to include(endpoint)
  ensure
    server.close
  end

  it "a key or value of the wrong type is a TypeError, as for a Hash of strings" do
    reader = client(start_etcd, "/service/").tap(&:start)
    [nil, 42, [], Object.new].each do |wrong|
      expect { reader[wrong] }.to raise_error(TypeError)
      expect { reader.put("/service/b", wrong) }.to raise_error(TypeError)
      expect { reader.put(wrong, "value") }.to raise_error(TypeError)
    end
    expect { reader.put("", "value") }.to raise_error(EtcdDiscovery::Error) { |error| expect_no_rust(error) }
  end

  it "a value too large for etcd is refused, and the copy still follows etcd" do
    etcd = start_etcd
    reader = client(etcd, "/service/").tap(&:start)
    error = error_from(EtcdDiscovery::Error) { reader.put("/service/b", "x" * 3_000_000) }
    expect(error.message).to match(/too large|larger than/)
    etcd.ctl.put("/service/b", "small")
    expect_soon("the next value") { reader["/service/b"] == "small" }
  end

  it "a value given to configure is refused like one given to a client" do
    process = ruby_process(<<~RUBY)
      report error_of { EtcdDiscovery.configure { |config| config.endpoints = ["not a url"]; config.watch "/a/" } }
      report error_of { EtcdDiscovery.configure { |config| config.watch 42 } }
      report error_of { EtcdDiscovery.configure { |config| config.cert_file = "/x.pem"; config.watch "/a/" } }
      report error_of { EtcdDiscovery["/a/b"] }
    RUBY
    errors = Array.new(3) { process.heard }
    expect(errors.map { |error| error[:class] }).to all(eq("EtcdDiscovery::ConfigurationError"))
    expect(errors.map { |error| error[:message] })
      .to match([include("not a url"), include("watch"), include("key_file")])
    expect(process.heard[:ancestors]).to include("EtcdDiscovery::Error")
  end
end
