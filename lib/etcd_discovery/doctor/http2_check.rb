# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # Whether HTTP/2 is spoken at each endpoint, which gRPC needs.
    #
    # @api private
    class HTTP2Check < Check
      check_name :http2
      SETTINGS = 4
      ALERT = [21, 3].pack("CC").freeze

      def findings
        context.each_at_once(context.alive) do |target|
          bytes = first_bytes(target)
          bytes = ALERT if bytes&.empty? && !target.tls? && tls?(target)
          level, message, advice = self.class.verdict(bytes)
          target.fail! unless level == :fine
          finding(level, message, advice:, subject: target.endpoint)
        end
      end

      # @param bytes [String, nil] the first that the server sends; `nil` without an answer in time
      # @return [Array(Symbol, String, String)] level, message, advice
      def self.verdict(bytes)
        return [:wrong, "accepts the connection, and does not answer", hung] if bytes.nil?
        return [:fine, "HTTP/2", nil] if bytes.getbyte(3) == SETTINGS
        return [:wrong, "closes the connection at once", foreign] if bytes.empty?
        return [:wrong, "the server uses TLS", "write https:// in endpoints"] if bytes.start_with?(ALERT)

        line = bytes.lines.first.to_s.scrub("?")[0, 80].inspect
        return [:wrong, "an answer in HTTP/1: #{line}", proxy] if bytes.start_with?("HTTP/")

        [:wrong, "that is not etcd: #{line}", foreign]
      end

      class << self
        private

        def hung = "check that the process is not stopped or overloaded; look for a proxy in between"

        def foreign = "check host and port in endpoints"

        def proxy
          "a proxy in between must forward HTTP/2 and gRPC, from end to end (nginx: grpc_pass); " \
            "or it is not etcd: check host and port in endpoints"
        end
      end

      private

      def first_bytes(target)
        return over_tls(target) if target.tls?

        socket = target.connect(context.patience)
        socket.write(TLSFacts::PREFACE)
        socket.wait_readable(context.patience) && socket.read_nonblock(200)
      rescue EOFError, SystemCallError, OpenSSL::SSL::SSLError
        "".b
      ensure
        socket&.close
      end

      # etcd with TLS closes a connection without it, and says nothing.
      def tls?(target)
        TLSFacts.with_session(target, config, context.patience) { true }
      rescue SystemCallError, OpenSSL::SSL::SSLError
        false
      end

      def over_tls(target)
        TLSFacts.with_session(target, config, context.patience) do |session|
          session.write(TLSFacts::PREFACE)
          session.io.wait_readable(context.patience) || (return nil)
          answer = session.read_nonblock(200, exception: false)
          # A ticket of TLS may come first.
          if answer.is_a?(Symbol)
            answer = session.io.wait_readable(context.patience) && session.readpartial(200)
          end
          answer
        end
      end
    end
  end
end
