# frozen_string_literal: true

require "socket"
require_relative "finding"

module EtcdDiscovery
  class Doctor
    # A connection to each address of each endpoint.
    #
    # @api private
    class TCPCheck < Check
      check_name :tcp
      # What a host without IPv6 says of its addresses. It is no harm where a name has others.
      NO_WAY = [Errno::ENETUNREACH, Errno::EADDRNOTAVAIL, Errno::EAFNOSUPPORT].freeze
      private_constant :NO_WAY

      # @param error [SystemCallError]
      # @return [Array(String, String)] what it means, and what to do
      def self.verdict(error)
        case error
        when Errno::ECONNREFUSED
          ["connection refused: nothing listens there",
           "check host and port in endpoints, and that etcd runs"]
        when Errno::ETIMEDOUT
          ["no answer: the packets are lost", "check the address, the firewall, and that the host is up"]
        when Errno::ENOENT then ["there is no such socket", "check the path in endpoints"]
        when Errno::EACCES then ["this user may not open the socket", "check who may read and write it"]
        else ["cannot be reached: #{error.class.new.message}", "check the network between this host and etcd"]
        end
      end

      def findings = context.each_at_once(context.alive) { |target| examine(target) }.flatten

      private

      def examine(target)
        places = target.unix? ? [target.path] : target.addresses
        tried = context.each_at_once(places) { |place| [place, *try(target, place)] }
        target.addresses = tried.reject { |_, error| error }.map(&:first)
        target.fail! if target.addresses.empty?
        tried.map { |place, error, ms| report(target, place, error, ms) }
      end

      def try(target, place)
        _, ms = context.timed { connect(target, place).close }
        [nil, ms]
      rescue SystemCallError => e
        [e, nil]
      end

      def connect(target, place)
        target.unix? ? Socket.unix(place) : Socket.tcp(place, target.port, connect_timeout: context.patience)
      end

      def report(target, place, error, milliseconds)
        subject = place == target.host || target.unix? ? target.endpoint : "#{target.endpoint} at #{place}"
        return fine("connected in #{milliseconds} ms", subject:) unless error
        return unused(subject) if NO_WAY.include?(error.class) && target.alive?

        message, advice = self.class.verdict(error)
        wrong(message, subject:, advice:)
      end

      def unused(subject) = doubtful("this host has no route to addresses of this kind", subject:)
    end
  end
end
