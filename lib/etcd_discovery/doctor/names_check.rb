# frozen_string_literal: true

require "ipaddr"
require "resolv"
require "socket"
require_relative "finding"
require_relative "name_server"

module EtcdDiscovery
  class Doctor
    # The names of the endpoints: each address that a name leads to, and how long that takes.
    #
    # @api private
    class NamesCheck < Check
      check_name :dns

      # What is wrong with a name, and what to do.
      PROBLEMS = {
        unknown: ["there is no such name", "check the name in endpoints, and the DNS zone"],
        silent: ["no name server answers", "check /etc/resolv.conf, and the way to the name servers"],
        empty: ["the name has no address", "check the DNS zone"]
      }.freeze

      def findings
        @resolver = NameServer.of_system
        found = domain ? discover : []
        context.targets = config.get(:endpoints).map { |endpoint| Target.new(endpoint) } unless domain
        found + context.each_at_once(context.targets) { |target| look_up(target) }.flatten
      end

      # @param answer [Hash{Symbol => Object}] `addresses`, or a `problem`, and the `servers` that were asked
      # @return [Finding]
      def self.verdict(host, answer)
        asked = answer[:servers].to_a.any? ? " (name server #{answer[:servers].join(', ')})" : ""
        if answer[:problem]
          problem, advice = PROBLEMS.fetch(answer[:problem])
          return finding(:wrong, problem + asked, subject: host, advice:)
        end

        finding(:fine, "#{answer[:addresses].join(' ')} in #{answer[:ms]} ms", subject: host)
      end

      private

      def domain = config.discovery_domain

      def look_up(target)
        return [] if target.unix?
        return own_address(target) if address?(target.host)

        answer, ms = context.timed { @resolver.addresses(target.host, context.patience) }
        answer[:problem] ? target.fail! : target.addresses = answer[:addresses]
        [self.class.verdict(target.host, answer.merge(ms:)), *silent_servers(answer)]
      end

      def own_address(target)
        target.addresses = [target.host]
        []
      end

      def address?(host)
        IPAddr.new(host)
        true
      rescue IPAddr::Error
        false
      end

      # Those that are not there slow each look-up down.
      def silent_servers(answer)
        return [] if answer[:problem] == :silent

        advice = "take it out of /etc/resolv.conf, or repair it"
        answer[:silent].to_a.map do |server|
          doubtful("this name server does not answer", subject: server, advice:)
        end
      end

      # The members that the records of a domain name.
      def discover
        schemes = config.get(:insecure_discovery) ? %w[https http] : %w[https]
        names = schemes.to_h { |scheme| [scheme, record_name(scheme)] }
        records, problem = @resolver.services(names, context.patience)
        context.targets = records.map { |scheme, host, port| Target.new("#{scheme}://#{host}:#{port}") }
        [services_verdict(records, problem)]
      end

      # As etcdctl names them.
      def record_name(scheme)
        service = ["etcd-client", ("ssl" if scheme == "https"), config.get(:discovery_srv_name)].compact
        "_#{service.join('-')}._tcp.#{domain}"
      end

      def services_verdict(records, problem)
        return fine("#{records.size} members", subject: domain) if records.any?
        return self.class.verdict(domain, { problem:, servers: @resolver.servers }) if problem == :silent

        advice = "check discovery_srv, insecure_discovery, and the DNS zone"
        wrong("there is no SRV record for etcd's clients", subject: domain, advice:)
      end
    end
  end
end
