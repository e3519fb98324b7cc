# frozen_string_literal: true

module EtcdDiscovery
  class Service
    # What {Service#with} knows about each instance: work under way, failures in a row, and the end of its
    # ejection.
    #
    # Guarded by the service's lock.
    #
    # @api private
    class Health
      Record = Struct.new(:in_flight, :failures, :until)
      # The maximum of the doubling, as a multiple of `eject_for`.
      LONGEST = 32

      def initialize(options, &report)
        @eject_after = options.eject_after
        @eject_for = options.eject_for
        @report = report
        @records = {}
      end

      # The instances that are not ejected; all of them if every one is, because a wrong suspicion must not
      # take the whole service away.
      def admitted(instances)
        return instances if @records.empty?

        time = Clock.now
        admitted = instances.reject { |instance| (@records[name_of(instance)]&.until || 0) > time }
        admitted.empty? ? instances : admitted
      end

      def ejected(instances)
        time = Clock.now
        instances.select { |instance| (@records[name_of(instance)]&.until || 0) > time }
      end

      def in_flight(instance)
        @records[name_of(instance)]&.in_flight || 0
      end

      def began(instance)
        record = @records[name_of(instance)] ||= Record.new(0, 0, nil)
        record.in_flight += 1
        # The ejection is over and this is the one trial. Others wait for its result.
        record.until = Clock.now + @eject_for if record.until
      end

      # `outcome` is `:well`, `:failed` or `:unknown`.
      def finished(instance, outcome)
        record = @records[name_of(instance)] or return
        record.in_flight -= 1 if record.in_flight.positive?
        succeeded(instance, record) if outcome == :well
        failed(instance, record) if outcome == :failed
        @records.delete(name_of(instance)) if record.in_flight.zero? && record.failures.zero?
      end

      def forget_work
        @records.each_value { |record| record.in_flight = 0 }
      end

      private

      def succeeded(instance, record)
        @report.call(:restored, "#{instance} answers again") if record.until
        record.failures = 0
        record.until = nil
      end

      def failed(instance, record)
        record.failures += 1
        return if record.failures < @eject_after

        seconds = @eject_for * [2**(record.failures - @eject_after), LONGEST].min
        record.until = Clock.now + seconds
        @report.call(:ejected,
                     "#{instance} failed #{record.failures} times in a row; ejected for #{seconds} s")
      end

      def name_of(instance)
        instance.key || instance.address
      end
    end
  end
end
