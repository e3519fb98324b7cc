# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # The commands that ask the fleet, and roll out a value over its hosts.
    #
    # @api private
    module Fleets
      # Seconds, unless `--await` says otherwise.
      AWAIT = 2.0
      private_constant :AWAIT

      private

      def fleet_options(options)
        options.on("--await TIME", "wait until all processes of the fleet have it: 2s, 500ms") do |time|
          @change[:await] = seconds("--await", time)
        end
        options.on("--steps LIST", Array, "hosts that have it after each step: 1,10%,all") do |steps|
          @change[:steps] = steps
        end
        options.on("--pause TIME", "wait after each step, such as 30s") do |time|
          @change[:pause] = seconds("--pause", time)
        end
        check_options(options)
        options.on("--layer PREFIX", "the layer to write at the end") { |layer| @change[:layer] = layer }
        options.on("--lease TIME", "how soon hosts revert when this command dies: 10s") do |time|
          @change[:lease] = seconds("--lease", time).ceil
        end
      end

      def check_options(options)
        options.on("--check COMMAND", "run after each pause; if it fails, the rollout ends") do |line|
          @change[:check] = line
        end
        options.on("--check-timeout TIME", "longest run of the check: 60s") do |time|
          @change[:check_timeout] = seconds("--check-timeout", time)
        end
      end

      def seconds(option, text)
        seconds, = TypedText.parse("duration", text)
        seconds or raise WrongUsage, "#{option}: #{text.inspect} is no time such as 2s, 500ms or 1m30s"
      end

      def run_fleet
        asked = fleet(client)
        report = asked.await(asked.present_revision, timeout: @change.fetch(:await, AWAIT))
        @output.fleet(report)
        return :absent if report.reached.empty? && report.missing.empty?

        report.complete? ? :ok : :incomplete
      end

      # Called before anything is written: afterwards it would be too late to find that there is no fleet.
      def check_await(command)
        fleet(client) if @change[:await] && [*WRITING, *LAYERED].include?(command)
      end

      def awaited(writer, revision)
        return :ok unless @change[:await]

        report = fleet(writer).await(revision, timeout: @change[:await])
        @output.report(report)
        report.complete? ? :ok : :incomplete
      end

      def run_rollout(name, value = nil)
        value = value_to_put(value, "rollout")
        check_declared(name, value)
        writer = client
        rollout = Rollout.new(name, value, client: writer, fleet: fleet(writer), check: check_command,
                                           **rollout_options, **why)
        rollout.run { |progress| @output.progress(progress) }
        :ok
      rescue SignalException => e
        complain(e, "stopped by SIG#{Signal.signame(e.signo)}; every host has its old value again, or gets " \
                    "it back when the lease ends")
        :reverted
      end

      def rollout_options
        named = { steps: :steps, pause: :pause, layer: :layer, timeout: :await, ttl: :lease }
        named.transform_values { |option| @change[option] }.compact
      end

      def check_command
        command = @change[:check] or return

        Rollout::Check.new(command, **{ timeout: @change[:check_timeout] }.compact)
      end
    end
  end
end
