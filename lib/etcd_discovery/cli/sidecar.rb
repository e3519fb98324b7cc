# frozen_string_literal: true

require "io/wait"

module EtcdDiscovery
  class CLI
    # Runs a command while a registration is held, so that a service in any language can be announced.
    #
    # Without a command, the registration is held until the process is interrupted.
    #
    # @api private
    class Sidecar
      PASSED_ON = %w[INT TERM HUP QUIT USR1 USR2].freeze
      # The status that a shell gives for a command that cannot be started.
      NOT_STARTED = 127
      # Seconds between two checks of the command and the registration.
      TURN = 0.05
      private_constant :TURN

      # @return [Boolean] whether etcd has ever confirmed the registration
      attr_reader :confirmed

      def initialize(registration, command, err)
        @registration = registration
        @command = command
        @err = err
        @asked, @ask = IO.pipe
        @refusal = NilClass
      end

      # @return [Integer] the exit status
      def run
        take_signals
        @command.empty? ? stand : status_of(accompany)
      rescue SystemCallError => e
        report_line("#{@command.first} cannot be started: #{e.message}")
        NOT_STARTED
      ensure
        @former.each { |name, former| trap(name, former) }
        report_absence
        @registration.deregister(timeout: Registration::EXIT_PATIENCE)
      end

      private

      def take_signals
        @former = PASSED_ON.to_h do |name|
          [name, trap(name) { @ask.write_nonblock("#{name}\n", exception: false) } || "DEFAULT"]
        end
        # `nohup` ignores the signal; then this process and the command must ignore it too.
        trap("HUP", "IGNORE") if @former["HUP"] == "IGNORE"
      end

      def stand
        nil until %w[INT TERM QUIT].include?(next_signal)
        0
      end

      # @return [String, nil]
      def next_signal
        report
        @asked.gets.chomp if @asked.wait_readable(TURN)
      end

      # The command runs even if etcd refuses the registration. Without a report no one would notice.
      def report
        state = @registration.state
        if state == :registered
          say(state) unless @refusal == NilClass
          @confirmed = true
          @refusal = NilClass
        elsif !@registration.last_error.instance_of?(@refusal)
          @refusal = @registration.last_error.class
          say(state)
        end
      end

      # The command may end before etcd has answered.
      def report_absence
        deadline = Client.now + Registration::EXIT_PATIENCE
        report
        until @confirmed || @refusal != NilClass || Client.now > deadline
          sleep TURN
          report
        end
        say(:deregistered) unless @confirmed
      end

      def say(state)
        payload = { key: @registration.key, address: @registration.instance.address, state:,
                    previous: :registering, error: @registration.last_error }
        report_line(Events::Messages.of(:registration, payload))
      end

      # A closed standard error must not end the command, nor leave it running without its registration.
      def report_line(text)
        @err.puts("etcd_discovery: #{Escape.line(text)}")
      rescue SystemCallError, IOError
        nil
      end

      def accompany
        pid = Process.spawn(*@command)
        waiter = Process.detach(pid)
        loop do
          return waiter.value unless waiter.alive?

          next_signal&.then { |name| pass_on(name, pid) }
        end
      end

      def pass_on(name, pid)
        Process.kill(name, pid)
      rescue Errno::ESRCH
        nil
      end

      def status_of(status)
        status.signaled? ? 128 + status.termsig : status.exitstatus
      end
    end
  end
end
