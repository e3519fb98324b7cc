# frozen_string_literal: true

require "fileutils"
require "open3"
require "openssl"
require "tmpdir"
require_relative "cleanup"

module Harness
  # Certificates and keys as people make them with the command `openssl`, including unusable ones. {#server}
  # gives the arguments to start an etcd with them.
  class OpenSSLFiles
    NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    RSA = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"

    # What {EtcdServer} needs from a certificate.
    Server = Struct.new(:cert, :key, :flags) do
      def etcd_flags = ["--cert-file=#{cert}", "--key-file=#{key}", *flags]

      def etcdctl_flags = ["--cacert=#{cert}", "--insecure-skip-tls-verify"]
    end

    def initialize
      @folder = Dir.mktmpdir("openssl-files-")
      Cleanup.add(self)
    end

    def path(name) = File.join(@folder, name)

    def write(name, content)
      path(name).tap { |file| File.binwrite(file, content) }
    end

    # A self-signed certificate. `extensions` are added to OpenSSL's own, which include CA:TRUE.
    def self_signed(name, *extensions, key: RSA, subject: "/CN=#{name}")
      run "genpkey #{key} -out #{name}.key"
      added = extensions.map { |extension| "-addext #{extension}" }.join(" ")
      run "req -x509 -key #{name}.key -days 30 -subj #{subject} -out #{name}.pem #{added}"
      path("#{name}.pem")
    end

    def signed(name, *extensions, by: "ca", key: RSA, subject: "/CN=#{name}")
      run "genpkey #{key} -out #{name}.key"
      run "req -new -key #{name}.key -subj #{subject} -out #{name}.csr"
      write("extensions", extensions.join("\n"))
      run "x509 -req -in #{name}.csr -CA #{by}.pem -CAkey #{by}.key -CAcreateserial -days 30 " \
          "-extfile extensions -out #{name}.pem"
      path("#{name}.pem")
    end

    # Makes the certificate valid only between these times, counted from now in seconds.
    def redate(name, from, till, by: "ca")
      certificate = OpenSSL::X509::Certificate.new(File.read(path("#{name}.pem")))
      certificate.not_before = Time.now + from
      certificate.not_after = Time.now + till
      key = OpenSSL::PKey.read(File.read(path("#{by}.key")))
      write("#{name}.pem", certificate.sign(key, OpenSSL::Digest.new("SHA256")).to_pem)
    end

    def server(name, flags: []) = Server.new(path("#{name}.pem"), path("#{name}.key"), flags)

    def run(command)
      text, status = Open3.capture2e("openssl #{command}", chdir: @folder)
      status.success? or raise "openssl #{command}: #{text}"
    end

    def close = FileUtils.rm_rf(@folder)
  end
end
