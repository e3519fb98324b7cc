# frozen_string_literal: true

module Bench
  module Scaling
    # Measures some or all parts, and prints a table for each.
    class Run
      def initialize(words)
        @options = Options.new(words)
      end

      def call
        @modes = Modes.available(@options.modes)
        @options.parts.each do |part|
          load = load_average
          text = send(part)
          run = "`bench/scale #{part}`, load average #{load} at the start, #{load_average} at the end"
          puts text, "", run, ""
          Document.write(part, text, run) if @options.write?
        end
      end

      private

      def hosts = Table.new(Hosts::FIGURES, measure(Hosts, @modes, @options.workers), "workers:").to_s

      def content
        workers = @options.workers.select { |count| count <= @options.load.content_workers }
        Table.new(Contents::FIGURES, measure(Contents, @modes, workers), "workers:").to_s
      end

      # With a copy per host a session is that of the host's leader, and the same as any other.
      def sessions
        results = measure(Sessions, @modes.reject { |mode| mode.name == Modes::HOST_COPY }, @options.sessions)
        table = Table.new(Sessions::FIGURES, results, "sessions:").to_s
        [table, *model(results[Modes::OWN])].join("\n\n")
      end

      # What fleets would cost, or nil if our sessions were not measured.
      def model(results)
        count, session = results&.max_by(&:first)
        watches = @modes.reject { |mode| mode.name == Modes::GO }.to_h do |mode|
          [mode.name, Hosts.watches(mode, Model::WORKERS)]
        end
        session && Model.new(session, count, watches).to_s
      end

      # The modes take turns, so that other work on the machine affects all of them.
      def measure(what, modes, sizes)
        results = modes.to_h { |mode| [mode.name, {}] }
        sizes.product(modes).each do |size, mode|
          warn "measuring: #{what.name.split('::').last.downcase}, #{size}, #{mode.name}"
          results[mode.name][size] = what.new(mode, size, @options.load).figures
        end
        results
      end

      def load_average = File.read("/proc/loadavg").split.first(3).join(", ")
    end
  end
end
