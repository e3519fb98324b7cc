# frozen_string_literal: true

RSpec.describe "a certificate or a key" do
  let(:files) { Harness::OpenSSLFiles.new.tap { |files| files.self_signed("ca") } }
  let(:good) { files.signed("good", Harness::OpenSSLFiles::NAMES) && files.server("good") }

  def serve(server) = @etcd = start_etcd(tls: server)

  def reader(trust: "ca", **settings)
    client(@etcd, "/a/", boot_timeout: 3, ca_file: files.path("#{trust}.pem"), **settings)
  end

  # The text between the endpoint and the end of the sentence.
  def refusal(**settings)
    reader = reader(boot_timeout: 0.5, **settings)
    expect { reader.start }.to raise_error(EtcdDiscovery::Error)
    said = reader.status.last_error.message
    expect(said).not_to match(/OtherError\(|Context|\[\d+, \d+/)
    said
  end

  def wrong_setting(**settings)
    client("https://127.0.0.1:1", "/a/", **settings).start
    nil
  rescue EtcdDiscovery::ConfigurationError => e
    e.message
  end

  describe "of the server" do
    def self_signed(*extensions, **options)
      files.self_signed("self", *extensions, **options)
      serve(files.server("self"))
    end

    it "that is self-signed is trusted if ca_file holds it, with and without CA:TRUE" do
      [[], ["basicConstraints=critical,CA:FALSE"]].each do |extensions|
        self_signed(Harness::OpenSSLFiles::NAMES, *extensions)
        following = reader(trust: "self").start
        @etcd.ctl.put("/a/k", "v")
        expect_soon("the value") { following["/a/k"] == "v" }
        expect(refusal(trust: "ca")).to match(/self-signed: set ca_file to exactly this certificate/)
      end
    end

    it "that is self-signed must still have the right name and dates, and the server its key" do
      self_signed("subjectAltName=DNS:elsewhere.internal")
      expect(refusal(trust: "self")).to match(/elsewhere\.internal.*; set server_name/)
      expect(reader(trust: "self", server_name: "elsewhere.internal").start).to be_ready
      files.redate("self", -20, -10, by: "self")
      serve(files.server("self"))
      expect(refusal(trust: "self", server_name: "elsewhere.internal")).to match(/has expired/)
    end

    it "that belongs to an authority, signed by another, is named as such" do
      files.signed("middle", Harness::OpenSSLFiles::NAMES, "basicConstraints=critical,CA:TRUE")
      serve(files.server("middle"))
      expect(refusal).to match(/"CN=middle" is an authority's \(CA:TRUE\).*issue a server certificate/)
      expect(reader(trust: "middle").start).to be_ready
    end

    it "with a short key, or one on an unsupported curve, is named with what is supported" do
      files.signed("short", Harness::OpenSSLFiles::NAMES, key: "-algorithm RSA -pkeyopt rsa_keygen_bits:1024")
      serve(files.server("short"))
      expect(refusal).to match(/RSA of 1024 bits.*RSA of 2048 to 8192 bits/)
      curve = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"
      files.signed("curve", Harness::OpenSSLFiles::NAMES, key: curve)
      serve(files.server("curve"))
      expect(refusal).to match(/P-521.*not supported/)
    end

    it "with any other usual key is trusted" do
      ["-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
       "-algorithm ED25519", "-algorithm RSA -pkeyopt rsa_keygen_bits:4096"].each do |key|
        files.signed("usual", Harness::OpenSSLFiles::NAMES, key:)
        serve(files.server("usual"))
        expect(reader.start).to be_ready
      end
    end

    it "that names its host only in the common name is named with subjectAltName" do
      files.signed("named", "basicConstraints=CA:FALSE", subject: "/CN=127.0.0.1")
      serve(files.server("named"))
      expect(refusal).to match(/common name \("CN=127.0.0.1"\).*subjectAltName/)
    end

    it "by an authority of the same name with another key is distinguished from one by a stranger" do
      serve(good)
      files.self_signed("twin", subject: "/CN=ca")
      expect(refusal(trust: "twin"))
        .to match(/; set ca_file.*"CN=ca" in ca_file has the same name but another key/)
      files.self_signed("stranger")
      expect(refusal(trust: "stranger")).to match(/UnknownIssuer; set ca_file.*\("CN=ca"\)/)
    end

    it "that is out of date is named with both dates and this machine's clock" do
      files.signed("dated", Harness::OpenSSLFiles::NAMES)
      time = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/
      files.redate("dated", -20, -10)
      serve(files.server("dated"))
      expect(refusal)
        .to match(/has expired: renew it.*until #{time}, and this machine's clock says #{time}/)
      files.redate("dated", 3_600, 7_200)
      serve(files.server("dated"))
      expect(refusal)
        .to match(/not valid yet: it is valid from #{time}, and this machine's clock says #{time}/)
    end
  end

  describe "of the client", own_watch: "each client has to meet the error of its own handshake" do
    before do
      good.flags = ["--trusted-ca-file=#{files.path('ca.pem')}", "--client-cert-auth"]
      serve(good)
      files.signed("client", "extendedKeyUsage=clientAuth")
    end

    def own(name, key: name) = { cert_file: files.path("#{name}.pem"), key_file: files.path("#{key}.key") }

    it "that is missing is named at each attempt" do
      12.times { expect(refusal).to match(/requires a client certificate: set cert_file and key_file/) }
    end

    it "that has expired is named at each attempt, with the date" do
      files.signed("old", "extendedKeyUsage=clientAuth")
      files.redate("old", -20, -10)
      6.times do
        expect(refusal(**own("old")))
          .to match(/refuses the certificate in cert_file: it has expired \(valid until \d{4}-.* UTC/)
      end
    end

    it "that another authority signed, or that is for servers, is named with the reason" do
      files.self_signed("stranger")
      files.signed("foreign", "extendedKeyUsage=clientAuth", by: "stranger")
      expect(refusal(**own("foreign"))).to match(/"CN=stranger" signed it, but etcd accepts only CN=ca/)
      files.signed("for-servers", "extendedKeyUsage=serverAuth")
      expect(refusal(**own("for-servers"))).to match(/not issued for clients: .*clientAuth/)
    end

    it "with another certificate's key is named with both files" do
      expect(refusal(**own("client", key: "good")))
        .to match(/do not belong together.*client\.pem and .*good\.key/)
    end

    it "may have any usual format" do
      files.run "rsa -traditional -in client.key -out pkcs1.key"
      curve = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
      files.signed("elliptic", "extendedKeyUsage=clientAuth", key: curve)
      files.run "ec -in elliptic.key -out sec1.key"
      cert, key = %w[client.pem client.key].map { |name| File.read(files.path(name)) }
      text = files.write("text.pem", "Bag Attributes\n  name: x\n#{cert}".gsub("\n", "\r\n"))
      both = files.write("both.pem", key + cert)
      [own("client"), own("client", key: "pkcs1"), own("elliptic", key: "sec1"),
       own("client").merge(cert_file: text), { cert_file: both, key_file: both }].each do |settings|
        expect(reader(**settings).start).to be_ready
      end
    end
  end

  describe "in a file that cannot be used" do
    before { files.signed("client", "extendedKeyUsage=clientAuth") }

    def wrong_key(file) = wrong_setting(cert_file: files.path("client.pem"), key_file: file)

    it "is named with the command that decrypts it, if it has a passphrase" do
      files.run "pkcs8 -topk8 -in client.key -out new.key -passout pass:x"
      files.run "rsa -traditional -aes128 -in client.key -out old.key -passout pass:x"
      %w[new.key old.key].each do |name|
        expect(wrong_key(files.path(name))).to match(/key_file: .*#{name}: is encrypted.*openssl pkey -in/)
      end
    end

    it "is named with what the file holds instead" do
      expect(wrong_setting(ca_file: files.path("ca.key")))
        .to match(/ca_file: .*holds a private key, not a certificate/)
      expect(wrong_setting(ca_file: files.path("client.csr"))).to match(/holds a certificate signing request/)
      expect(wrong_key(files.path("client.pem")))
        .to match(/key_file: .*holds a certificate, not a private key/)
      expect(wrong_setting(ca_file: files.write("empty", ""))).to match(/ca_file: .*empty: is empty/)
      expect(wrong_setting(ca_file: files.path("."))).to match(/ca_file: .*directory/i)
      expect(wrong_setting(ca_file: files.write("text", "hello"))).to match(/holds no PEM block/)
      broken = files.write("broken", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n")
      expect(wrong_setting(ca_file: broken)).to match(/broken PEM block/)
    end

    it "is named with the command that converts it, if it is not PEM" do
      files.run "x509 -in ca.pem -outform der -out ca.der"
      files.run "pkey -in client.key -outform der -out key.der"
      files.run "pkcs12 -export -in client.pem -inkey client.key -out both.p12 -passout pass:x"
      expect(wrong_setting(ca_file: files.path("ca.der"))).to match(/is DER; .*openssl x509 -inform der/)
      expect(wrong_key(files.path("key.der"))).to match(/is DER; .*openssl pkey -inform der/)
      expect(wrong_setting(ca_file: files.path("both.p12"))).to match(/is PKCS#12; .*openssl pkcs12/)
    end
  end
end
