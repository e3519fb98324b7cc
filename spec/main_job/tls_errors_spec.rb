# frozen_string_literal: true

RSpec.describe "the last error of a client, when TLS fails,",
               own_watch: "each client has to meet the error of its own handshake" do
  let(:certificates) { Harness::Certificates.new }
  let(:strangers) { Harness::Certificates.new }
  let(:secure) { start_etcd(tls: certificates) }

  def failing(endpoint, **settings)
    reader = client(endpoint, "/service/", boot_timeout: 0.5, **settings)
    expect { reader.start }.to raise_error(EtcdDiscovery::ConnectionError)
    reader
  end

  # The text between the endpoint and the end of the sentence.
  def last_error(endpoint, **settings)
    reader = failing(endpoint, **settings)
    error = wait_until("an error in the status") { reader.status.last_error }
    expect(error.endpoint).to eq endpoint
    error.message.delete_prefix("#{endpoint}: ")
  end

  # etcd checks a client's certificate when the client already considers the handshake done. A request under
  # way at that moment sees only a closed connection; a later attempt sees the reason.
  def expect_refusal(reason, endpoint, **settings)
    reader = failing(endpoint, **settings)
    wait_until("the refusal #{reason.inspect}") { reader.status.last_error&.message&.match?(reason) }
    expect(reader.status.last_error.endpoint).to eq endpoint
  end

  def demanding(**options)
    Harness::Certificates.new(client_auth: true, **options).tap { |made| @demanding = start_etcd(tls: made) }
  end

  def files(certificates, by: certificates)
    { ca_file: certificates.ca_file, cert_file: by.client_cert, key_file: by.client_key }
  end

  it "names ca_file for an unknown authority" do
    expect(last_error(secure.endpoint)).to match(/UnknownIssuer; set ca_file/)
    expect(last_error(secure.endpoint, ca_file: strangers.ca_file)).to match(/; set ca_file/)
  end

  it "names server_name for a certificate with another name, and lists its names" do
    error = last_error(secure.endpoint, ca_file: certificates.ca_file, server_name: "another.internal")
    expect(error).to match(/"another\.internal".+"localhost".*; set server_name/)
  end

  it "says that the server's certificate has expired" do
    expired = Harness::Certificates.new(expired: "server")
    error = last_error(start_etcd(tls: expired).endpoint, ca_file: expired.ca_file)
    expect(error).to match(/etcd's certificate has expired: renew it.+ UTC/)
  end

  it "names cert_file and key_file if etcd demands a certificate and none is set" do
    made = demanding
    expect_refusal(/requires a client certificate: set cert_file and key_file/, @demanding.endpoint,
                   ca_file: made.ca_file)
  end

  it "names cert_file if etcd refuses it: from another authority, or expired" do
    made = demanding
    expect_refusal(/refuses.+in cert_file/, @demanding.endpoint, **files(made, by: strangers))
    made = demanding(expired: "client")
    expect_refusal(/refuses.+in cert_file: .+expired/, @demanding.endpoint, **files(made))
  end

  it "reports a certificate and a key that do not match" do
    made = demanding
    mixed = files(made).merge(key_file: strangers.client_key)
    expect(last_error(@demanding.endpoint, **mixed)).to match(/do not belong together/)
  end

  it "names the scheme: https to an etcd without TLS, and http to one with it" do
    plain = start_etcd.endpoint.sub("http:", "https:")
    expect(last_error(plain, ca_file: certificates.ca_file)).to match(%r{write http:// in endpoints})
    expect(last_error(secure.endpoint.sub("https:", "http:"))).to match(%r{write https:// in endpoints})
  end

  {
    "HTTP/1" => ["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                 %r{"HTTP/1.1 400 Bad Request": it speaks HTTP}],
    "HTTP/1 that wants TLS" => ["HTTP/1.0 400 Bad Request\r\n\r\nThis is an HTTPS server.\n",
                                %r{write https:// in endpoints}],
    "SSH" => ["SSH-2.0-OpenSSH_9.2p1\r\n", /"SSH-2.0-OpenSSH_9.2p1": that is not etcd/],
    "what could forge a line of the log" => ["+OK\e[2J\u0007\n", /\A[[:print:]]*that is not etcd/]
  }.each do |what, (words, reason)|
    it "reports that the answering server is not etcd, but #{what}" do
      stranger = TCPServer.new("127.0.0.1", 0)
      answering = Thread.new do
        loop do
          socket = stranger.accept
          socket.readpartial(1_000)
          socket.write(words)
          socket.close
        end
      end
      6.times { expect(last_error("http://127.0.0.1:#{stranger.addr[1]}")).to match(reason) }
    ensure
      answering&.kill
      stranger&.close
    end
  end
end
