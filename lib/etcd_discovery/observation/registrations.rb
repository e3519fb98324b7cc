# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # What this process has announced: `registration`, when one stands elsewhere than before.
    class Registrations
      Known = Struct.new(:state, :puts, :key, :address)

      def initialize
        @known = {}.compare_by_identity
      end

      def look(account, _now)
        present = account[:registrations]
        ended = (@known.keys - present).filter_map { |registration| over(registration) }
        ended + present.filter_map { |registration| compare(registration) }
      end

      # That a registration is in etcd is proven for a while only: then it is lost, without a sign.
      def due(_now)
        @known.keys.filter_map { |registration| proven_for(registration) }.min
      end

      private

      def over(registration)
        known = @known.delete(registration)
        event(known, :deregistered) unless known.state == :deregistered
      end

      def compare(registration)
        report = { puts: 0 }.merge(registration.send(:report))
        known = @known[registration] ||= Known.new(:registering, 0, nil, registration.instance.address)
        known.key = registration.key
        state = registration.state
        return if state == known.state && report[:puts] == known.puts

        told = event(known, state, report)
        known.state = state
        known.puts = report[:puts]
        told
      end

      def event(known, state, report = {})
        error = report[:last_error] unless %i[registered deregistered].include?(state)
        [:registration, { key: known.key, address: known.address, state:, previous: known.state,
                          lease: report[:lease], error: }]
      end

      def proven_for(registration)
        registration.send(:report)[:proven_for] if @known[registration].state == :registered
      end
    end
  end
end
