# frozen_string_literal: true

require "resolv"
require "socket"

module EtcdDiscovery
  class Doctor
    # Asks the name servers of the system, each by itself: only then one can tell "no such name" from "no
    # answer".
    #
    # @api private
    class NameServer
      IN = Resolv::DNS::Resource::IN
      NO_SUCH_NAME = Resolv::DNS::RCode::NXDomain
      # Of an answer, with room for more than one record.
      LARGEST = 4_096
      HOSTS = "/etc/hosts"
      RESOLV = "/etc/resolv.conf"

      # @return [Array<String>] addresses
      attr_reader :servers

      def self.of_system
        settings = File.readable?(RESOLV) ? Resolv::DNS::Config.parse_resolv_conf(RESOLV) : {}
        new(settings[:nameserver] || [], settings[:search] || [])
      end

      def initialize(servers, search)
        @servers = servers.empty? ? ["127.0.0.1"] : servers
        @search = search.map(&:to_s)
      end

      # @return [Hash{Symbol => Object}] `addresses`, or a `problem`: `:unknown`, `:silent` or `:empty`; the
      #   `servers` that were asked, and those that were `silent`
      def addresses(host, patience)
        local = local(host)
        return { addresses: local } if local.any?

        answers = candidates(host).map { |name| ask_all(name, [IN::A, IN::AAAA], patience) }
        best = answers.find { |answer| answer[:records].any? } || answers.last
        outcome(best).merge(servers:, silent: best[:silent])
      end

      # @param names [Hash{String => String}] of the records, by scheme
      # @return [Array(Array, Symbol)] scheme, host and port of each member; a problem
      def services(names, patience)
        answers = names.map { |scheme, name| [scheme, ask_all(name, [IN::SRV], patience)] }
        found = answers.flat_map do |scheme, answer|
          answer[:records].map { |record| [scheme, record.target.to_s, record.port] }
        end
        [found, (:silent if answers.all? { |_, answer| answer[:silent].size == servers.size })]
      end

      private

      # As RFC 6761 has it, names under localhost are this machine.
      def local(host)
        return %w[127.0.0.1] if host == "localhost" || host.end_with?(".localhost")

        Resolv::Hosts.new(HOSTS).getaddresses(host)
      end

      def candidates(host)
        [host, *@search.map { |domain| "#{host}.#{domain}" }].uniq.first(4)
      end

      def outcome(answer)
        addresses = answer[:records].map { |record| record.address.to_s }.uniq
        return { addresses: } if addresses.any?
        return { problem: :silent } if answer[:silent].size == servers.size

        { problem: answer[:known] ? :empty : :unknown }
      end

      def ask_all(name, types, patience)
        asked = servers.product(types).map do |server, type|
          Thread.new { [server, ask(server, name, type, patience)] }
        end
        summary(asked.map(&:value), types)
      end

      def summary(answers, types)
        answered = answers.filter_map(&:last)
        { silent: answers.reject(&:last).map(&:first).uniq,
          known: answered.any? { |answer| answer.rcode != NO_SUCH_NAME },
          records: answered.flat_map { |answer| records(answer, types) }.uniq }
      end

      def records(answer, types)
        answer.answer.map(&:last).select { |record| types.any? { |type| record.is_a?(type) } }
      end

      # @return [Resolv::DNS::Message, nil] `nil` without an answer
      def ask(server, name, type, patience)
        query = Resolv::DNS::Message.new(rand(65_536))
        query.rd = 1
        query.add_question("#{name.delete_suffix('.')}.", type)
        socket = UDPSocket.new(server.include?(":") ? Socket::AF_INET6 : Socket::AF_INET)
        socket.connect(server, 53)
        socket.send(query.encode, 0)
        socket.wait_readable(patience) && Resolv::DNS::Message.decode(socket.recv(LARGEST))
      rescue SystemCallError, Resolv::DNS::DecodeError
        nil
      ensure
        socket&.close
      end
    end
  end
end
