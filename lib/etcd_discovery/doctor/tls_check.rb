# frozen_string_literal: true

require "openssl"
require_relative "finding"
require_relative "tls_facts"

module EtcdDiscovery
  class Doctor
    # TLS with each endpoint: the chain, the names and the dates of its certificate, and whether etcd takes
    # ours.
    #
    # @api private
    class TLSCheck < Check
      check_name :tls
      # Seconds before its end at which a certificate is worth a word.
      SOON = 14 * 24 * 60 * 60
      # What the server's alert says of our certificate.
      REFUSED = Regexp.union("certificate required", "bad certificate", "unknown ca", "certificate unknown",
                             "certificate expired", "handshake failure")

      def findings
        return give_up if context.broken_files

        context.each_at_once(context.alive.select(&:tls?)) do |target|
          own = expired_own
          facts = TLSFacts.gather(target, config, context.patience)
          level, message, advice = own || self.class.verdict(facts)
          target.fail! if level == :wrong
          finding(level, message, advice:, subject: target.endpoint)
        end
      end

      class << self
        # @param facts [Hash{Symbol => Object}] see {TLSFacts}
        # @return [Array(Symbol, String, String)] level, message, advice
        def verdict(facts, now: Time.now)
          handshake(facts) || chain(facts, now) || wrong_name(facts) || own(facts) || good(facts, now)
        end

        private

        def handshake(facts)
          return if facts[:certificate] || !facts[:error]
          return own(facts) if facts[:error].match?(REFUSED)

          if facts[:plain]
            return [:wrong, "the server does not use TLS",
                    "write http:// in endpoints, or turn on TLS in etcd"]
          end

          [:wrong, "no TLS connection: #{facts[:error]}", "check that etcd is what listens there"]
        end

        def chain(facts, now)
          first, last = facts.values_at(:not_before, :not_after)
          clock = "this machine's clock says #{now.utc}"
          if last < now
            return [:wrong, "etcd's certificate has expired at #{last.utc}; #{clock}",
                    "renew the certificate"]
          end
          if first > now
            return [:wrong, "etcd's certificate is not valid before #{first.utc}; #{clock}",
                    "check the clocks"]
          end
          return if facts[:trusted]

          [:wrong, "etcd's certificate is not signed by a trusted authority: #{facts[:distrust]} " \
                   "(its issuer is #{facts[:issuer]})", "set ca_file to the certificate of that authority"]
        end

        def wrong_name(facts)
          return if facts[:fits]

          [:wrong, "etcd's certificate is not for #{facts[:expected]}, but for #{facts[:names]}",
           "use one of these names in endpoints, set server_name, or issue a certificate with the name"]
        end

        def own(facts)
          return unless facts[:error]&.match?(REFUSED)
          unless facts[:own]
            return [:wrong, "etcd requires a client certificate", "set cert_file and key_file"]
          end

          [:wrong, "etcd refuses the client certificate: #{facts[:error][REFUSED]}",
           "cert_file must be signed by etcd's --trusted-ca-file, and be valid"]
        end

        def good(facts, now)
          days = ((facts[:not_after] - now) / 86_400).floor
          message = "#{facts[:version]}, the certificate is good for #{days} days, in #{facts[:ms]} ms"
          return [:doubtful, message, "renew etcd's certificate"] if facts[:not_after] < now + SOON

          [:fine, message, nil]
        end
      end

      private

      # The client would not connect either, and the files have their finding.
      def give_up
        context.alive.select(&:tls?).each(&:fail!)
        []
      end

      def expired_own
        path = config.get(:cert_file) or return
        last = OpenSSL::X509::Certificate.new(File.read(path)).not_after
        [:wrong, "the client certificate has expired at #{last.utc}", "renew cert_file"] if last < Time.now
      rescue SystemCallError, OpenSSL::OpenSSLError
        nil # the files are another check
      end
    end
  end
end
