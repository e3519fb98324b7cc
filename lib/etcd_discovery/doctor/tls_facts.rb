# frozen_string_literal: true

require "openssl"

module EtcdDiscovery
  class Doctor
    # What a TLS handshake shows. The certificate is accepted first, whatever it is, and looked at afterwards:
    # a refused one could not be described.
    #
    # @api private
    module TLSFacts
      PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n#{[0, 0, 0, 4, 0, 0, 0, 0, 0].pack('C*')}".b.freeze

      module_function

      # @return [Hash{Symbol => Object}]
      def gather(target, config, patience)
        facts = { own: !config.get(:cert_file).nil?, expected: config.get(:server_name) || target.host }
        facts.update(exchange(target, config, patience, facts))
      rescue OpenSSL::SSL::SSLError, SystemCallError, EOFError => e
        facts.merge(error: words(e), plain: facts[:certificate].nil? && plain?(target, patience))
      end

      # Fills in `facts` before the first words: if those fail, what the handshake showed still counts.
      def exchange(target, config, patience, facts)
        started = Client.now
        with_session(target, config, patience) do |session|
          facts[:ms] = ((Client.now - started) * 1_000).round(1)
          facts.update(of_session(session, config, facts[:expected]))
          first_answer(session, patience)
        end
        facts
      end

      # Whether the server speaks without TLS.
      def plain?(target, patience)
        socket = target.connect(patience)
        socket.write(PREFACE)
        !socket.wait_readable(patience).nil? && clear?(socket.read_nonblock(200))
      rescue SystemCallError, EOFError
        false
      ensure
        socket&.close
      end

      # @param bytes [String] the answer to words without TLS
      # @return [Boolean] whether it is neither a TLS alert nor a plain-text message that TLS is required
      def clear?(bytes) = !bytes.empty? && bytes.getbyte(0) != 21 && !bytes.include?("HTTPS")

      # @yieldparam session [OpenSSL::SSL::SSLSocket] after the handshake
      def with_session(target, config, patience)
        socket = target.connect(patience)
        session = OpenSSL::SSL::SSLSocket.new(socket, context(config))
        session.hostname = target.host
        handshake(session, patience)
        yield session
      ensure
        socket&.close
      end

      def context(config)
        OpenSSL::SSL::SSLContext.new.tap do |context|
          context.verify_mode = OpenSSL::SSL::VERIFY_NONE
          context.alpn_protocols = %w[h2]
          own_certificate(config, context)
        end
      end

      def own_certificate(config, context)
        cert = config.get(:cert_file)
        key = config.get(:key_file)
        return unless cert && key

        context.cert = OpenSSL::X509::Certificate.new(File.read(cert))
        context.key = OpenSSL::PKey.read(File.read(key), "")
      rescue SystemCallError, OpenSSL::OpenSSLError
        nil # the files are another check
      end

      def handshake(session, patience)
        deadline = Client.now + patience
        begin
          session.connect_nonblock
        rescue IO::WaitReadable, IO::WaitWritable
          left = deadline - Client.now
          raise Errno::ETIMEDOUT unless left.positive? && session.io.wait_readable(left)

          retry
        end
      end

      def of_session(session, config, expected)
        certificate = session.peer_cert
        store = store(config)
        trusted = store.verify(certificate, session.peer_cert_chain)
        { certificate:, version: session.ssl_version, not_before: certificate.not_before,
          not_after: certificate.not_after, issuer: certificate.issuer.to_s(OpenSSL::X509::Name::RFC2253),
          trusted: trusted || dates?(store.error), distrust: store.error_string, names: names(certificate),
          fits: OpenSSL::SSL.verify_certificate_identity(certificate, expected) }
      end

      # The dates have a finding of their own.
      def dates?(error)
        [OpenSSL::X509::V_ERR_CERT_HAS_EXPIRED, OpenSSL::X509::V_ERR_CERT_NOT_YET_VALID].include?(error)
      end

      # As the client has it, ca_file may hold the server's own certificate.
      def store(config)
        OpenSSL::X509::Store.new.tap do |store|
          file = config.get(:ca_file)
          file ? store.add_file(file) : store.set_default_paths
          store.flags = OpenSSL::X509::V_FLAG_PARTIAL_CHAIN
        rescue OpenSSL::X509::StoreError
          nil # the files are another check
        end
      end

      def names(certificate)
        certificate.extensions.find { |one| one.oid == "subjectAltName" }&.value || "no name at all"
      end

      # With TLS 1.3 a server refuses a client's certificate after the handshake, as its first answer.
      def first_answer(session, patience)
        session.write(PREFACE)
        session.io.wait_readable(patience)
        session.read_nonblock(9, exception: false)
      end

      def words(error)
        error.message[/(?:state=[^:]+: )?(.+)\z/, 1].to_s.tr("_", " ")
      end
    end
  end
end
