# frozen_string_literal: true

require "fileutils"
require "openssl"
require "tmpdir"
require_relative "cleanup"

module Harness
  # A certificate authority made for one spec, with a certificate for the server and one for its clients.
  #
  # `names` are the server's subject alternative names, in OpenSSL's notation. With `client_auth` the server
  # refuses clients without a certificate. `expired` names the certificate ("server" or "client") that has
  # expired.
  class Certificates
    DAY = 24 * 60 * 60

    def initialize(names: "IP:127.0.0.1,DNS:localhost", client_auth: false, expired: nil)
      @names = names
      @client_auth = client_auth
      @expired = expired
      @folder = Dir.mktmpdir("certificates-")
      rotate
      Cleanup.add(self)
    end

    # Makes another authority, and new certificates from it, in the same files.
    def rotate
      @ca_key = OpenSSL::PKey::EC.generate("prime256v1")
      @ca = sign("spec authority", @ca_key, issuer: nil, extensions: authority)
      File.write(path("ca.pem"), @ca.to_pem)
      issue("server", usage(@names))
      issue("client", usage(nil))
      issue("proxy", usage(nil), subject: OpenSSL::X509::Name.new)
    end

    def ca_file = path("ca.pem")

    def server_cert = path("server.pem")

    def server_key = path("server.key")

    def client_cert = path("client.pem")

    def client_key = path("client.key")

    # A certificate without a name: etcd's grpc-proxy shows no other to etcd, which would let its clients act
    # as that name.
    def proxy_cert = path("proxy.pem")

    def proxy_key = path("proxy.key")

    # With a --trusted-ca-file alone etcd already demands client certificates.
    def etcd_flags
      ["--cert-file=#{server_cert}", "--key-file=#{server_key}",
       *(["--trusted-ca-file=#{ca_file}", "--client-cert-auth"] if @client_auth)]
    end

    def etcdctl_flags
      ["--cacert=#{ca_file}", "--cert=#{client_cert}", "--key=#{client_key}", "--insecure-skip-tls-verify"]
    end

    def close = FileUtils.rm_rf(@folder)

    private

    def path(name) = File.join(@folder, name)

    def issue(name, extensions, subject: name_of(name))
      key = OpenSSL::PKey::EC.generate("prime256v1")
      File.write(path("#{name}.pem"), sign(name, key, issuer: @ca, extensions:, subject:).to_pem)
      File.write(path("#{name}.key"), OpenSSL::PKey.read(key.to_der).private_to_pem) # PKCS#8
    end

    def authority = { "basicConstraints" => "CA:TRUE", "keyUsage" => "keyCertSign,cRLSign" }

    # The server's own gateway connects to itself as a client, with the server's certificate.
    def usage(names)
      { "basicConstraints" => "CA:FALSE", "keyUsage" => "digitalSignature",
        "extendedKeyUsage" => "serverAuth,clientAuth", "subjectAltName" => names }.compact
    end

    def name_of(name) = OpenSSL::X509::Name.parse("/CN=#{name}")

    def sign(name, key, issuer:, extensions:, subject: name_of(name))
      certificate = blank(name, key, subject)
      certificate.issuer = issuer ? issuer.subject : certificate.subject
      factory = OpenSSL::X509::ExtensionFactory.new(issuer || certificate, certificate)
      extensions.each do |oid, value|
        certificate.add_extension(factory.create_extension(oid, value, oid == "basicConstraints"))
      end
      certificate.sign(@ca_key, OpenSSL::Digest.new("SHA256"))
    end

    def blank(name, key, subject)
      OpenSSL::X509::Certificate.new.tap do |certificate|
        certificate.version = 2 # means version 3
        certificate.serial = rand(1..(2**64))
        certificate.subject = subject
        certificate.public_key = key
        certificate.not_before = Time.now - DAY
        certificate.not_after = Time.now + (name == @expired ? -60 : DAY)
      end
    end
  end
end
