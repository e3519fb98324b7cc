# frozen_string_literal: true

RSpec.describe "https" do
  def certificates(**options) = @certificates ||= Harness::Certificates.new(**options)

  def secure_etcd(**options)
    start_etcd(tls: certificates(**options)).tap { |etcd| etcd.ctl.put("/service/b", "before") }
  end

  def expect_to_follow(etcd, **settings)
    reader = client(etcd, "/service/", **settings).tap(&:start)
    expect(reader["/service/b"]).to eq "before"
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
    expect(reader.put("/service/c", "written")).to eq etcd.ctl.current_revision
  end

  def expect_refusal(etcd, **settings)
    reader = client(etcd, "/service/", boot_timeout: 3, **settings)
    expect { reader.start }.to raise_error(EtcdDiscovery::ConnectionError) do |error|
      expect(error.message).to include(etcd.endpoint)
      expect(error.message).not_to match(/panicked|\.rs:/)
    end
  end

  it "with the authority's certificate is trusted" do
    expect_to_follow(secure_etcd, ca_file: certificates.ca_file)
  end

  it "without the authority's certificate, or with another one's, is not trusted" do
    etcd = secure_etcd
    expect_refusal(etcd)
    expect_refusal(etcd, ca_file: Harness::Certificates.new.ca_file)
  end

  it "with a client certificate reaches an etcd that demands one" do
    expect_to_follow(secure_etcd(client_auth: true), ca_file: certificates.ca_file,
                                                     cert_file: certificates.client_cert,
                                                     key_file: certificates.client_key)
  end

  it "without a client certificate is refused by an etcd that demands one" do
    expect_refusal(secure_etcd(client_auth: true), ca_file: certificates.ca_file)
  end

  it "reaches an etcd whose certificate has another name, if that name is configured" do
    etcd = secure_etcd(names: "DNS:etcd.internal")
    expect_refusal(etcd, ca_file: certificates.ca_file)
    expect_refusal(etcd, ca_file: certificates.ca_file, server_name: "another.internal")
    expect_to_follow(etcd, ca_file: certificates.ca_file, server_name: "etcd.internal")
  end

  it "survives the loss of the connection and a fork" do
    etcd = secure_etcd(client_auth: true)
    process = ruby_process(<<~RUBY, etcd, env: tls_environment)
      connect "/service/", ca_file: ENV["CA"], cert_file: ENV["CERT"], key_file: ENV["KEY"]
      report EtcdDiscovery["/service/b"]
      hear
      in_child do
        EtcdDiscovery.after_fork
        wait_until("the change in the child") { EtcdDiscovery["/service/b"] == "after" }
      end
      wait_until("the change in the parent") { EtcdDiscovery["/service/b"] == "after" }
      report "followed"
    RUBY
    expect(process.heard).to eq "before"
    etcd.kill9
    etcd.start
    etcd.ctl.put("/service/b", "after")
    process.tell
    expect(process.heard).to eq "followed"
  end

  it "uses certificates that were rotated on disk for the next connection" do
    etcd = secure_etcd(client_auth: true)
    files = { ca_file: certificates.ca_file, cert_file: certificates.client_cert,
              key_file: certificates.client_key }
    reader = client(etcd, "/service/", **files).tap(&:start)
    certificates.rotate
    etcd.kill9
    etcd.start # with another authority; both must read the files again
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
    expect(reader.put("/service/c", "written")).to eq etcd.ctl.current_revision
  end

  def tls_environment
    { "CA" => certificates.ca_file, "CERT" => certificates.client_cert, "KEY" => certificates.client_key }
  end
end
