# frozen_string_literal: true

module EtcdDiscovery
  # Asks the application's own block whether it is alive, and touches the registration if so.
  #
  # It uses a Ruby thread on purpose: a process that holds the GVL too long, or blocks in the block, shows no
  # sign of life.
  #
  # @api private
  class LivenessProbe
    def initialize(every, event_log, &alive)
      @every = every
      @event_log = event_log
      @alive = alive
    end

    def start(registration)
      @thread = Threads.start("etcd_discovery liveness") { run(registration) }
      @thread.report_on_exception = false
    end

    def stop
      @thread&.kill unless @thread == Thread.current
    end

    private

    def run(registration)
      loop do
        registration.touch if alive?
        sleep @every
      end
    end

    def alive?
      SafeCallback.call(@alive)
    rescue StandardError => e
      line = "the liveness block raised #{e.class}: #{e.message}; this counts as no sign of life"
      @event_log.write(:warn, line, subject: :liveness)
      false
    end
  end
end
