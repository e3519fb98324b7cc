# frozen_string_literal: true

module EtcdDiscovery
  # Asks the application's own block whether it is alive, and touches the registration when it says so. A
  # Ruby thread on purpose: a process that holds the GVL for too long, or that blocks in the block, shows no
  # life.
  #
  # @api private
  class RegistrationPulse
    def initialize(every, logger, &alive)
      @every = every
      @logger = logger
      @alive = alive
    end

    def start(registration)
      @thread = Thread.new { run(registration) }
      @thread.name = "etcd_discovery liveness"
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
      Telling.call(@alive)
    rescue StandardError => e
      Log.write(@logger, :warn,
                "etcd_discovery: the liveness block raised #{e.class}: #{e.message}; no sign of life")
      false
    end
  end
end
