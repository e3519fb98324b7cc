# frozen_string_literal: true

require "io/wait"

module EtcdDiscovery
  class CLI
    # Runs a command while a registration stands: a service in any language is announced without a line of
    # its own. Without a command it stands until it is interrupted.
    #
    # @api private
    class Sidecar
      PASSED_ON = %w[INT TERM HUP QUIT USR1 USR2].freeze
      # As a shell has it, for a command that cannot be started.
      NOT_STARTED = 127

      def initialize(registration, command, err)
        @registration = registration
        @command = command
        @err = err
        @asked, @ask = IO.pipe
      end

      # @return [Integer] the exit status
      def run
        PASSED_ON.each { |name| trap(name) { @ask.write_nonblock("#{name}\n", exception: false) } }
        @command.empty? ? stand : status_of(accompany)
      rescue SystemCallError => e
        @err.puts("etcd_discovery: #{@command.first} cannot be run: #{e.message}")
        NOT_STARTED
      ensure
        PASSED_ON.each { |name| trap(name, "DEFAULT") }
        @registration.deregister(timeout: Registration::EXIT_PATIENCE)
      end

      private

      def stand
        nil until %w[INT TERM QUIT].include?(@asked.gets.chomp)
        0
      end

      def accompany
        pid = Process.spawn(*@command)
        waiter = Process.detach(pid)
        loop do
          return waiter.value unless waiter.alive?

          pass_on(@asked.gets.chomp, pid) if @asked.wait_readable(0.05)
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
