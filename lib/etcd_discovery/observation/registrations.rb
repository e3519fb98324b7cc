# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # What this process has announced: `registration`, when one stands elsewhere than before, or when etcd
    # does not take it.
    class Registrations
      Known = Struct.new(:state, :puts, :key, :address, :refusal)
      # Seconds to the next look at one that is not in etcd. That an attempt failed wakes nobody.
      PAUSE = 0.5
      # Not in etcd, and meant to be.
      ABSENT = %i[registering lost].freeze

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
        @known.filter_map { |registration, known| next_look(registration, known.state) }.min
      end

      private

      def over(registration)
        known = @known.delete(registration)
        event(known, :deregistered) unless known.state == :deregistered
      end

      def compare(registration)
        report = { puts: 0 }.merge(registration.send(:report))
        known = @known[registration] ||= begun(registration)
        known.key = registration.key
        state = registration.state
        moved = state != known.state || report[:puts] != known.puts
        moved ? move(known, state, report) : refusal(known, report)
      end

      def begun(registration)
        Known.new(:registering, 0, nil, registration.instance.address, NilClass)
      end

      def move(known, state, report)
        event(known, state, report).tap do |_, told|
          known.state = state
          known.puts = report[:puts]
          known.refusal = told[:error].class
        end
      end

      # Once for each kind of reason: the endpoint in the message changes with every attempt.
      def refusal(known, report)
        error = report[:last_error]
        return if error.nil? || error.instance_of?(known.refusal) || !ABSENT.include?(known.state)

        known.refusal = error.class
        event(known, known.state, report)
      end

      def event(known, state, report = {})
        error = report[:last_error] unless %i[registered deregistered].include?(state)
        [:registration, { key: known.key, address: known.address, state:, previous: known.state,
                          lease: report[:lease], error: }]
      end

      def next_look(registration, state)
        return PAUSE if ABSENT.include?(state)

        registration.send(:report)[:proven_for] if state == :registered
      end
    end
  end
end
