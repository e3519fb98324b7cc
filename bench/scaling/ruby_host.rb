# frozen_string_literal: true

require "json"

module Bench
  module Scaling
    # Ruby processes that hold the keys.
    module RubyHost
      PROGRAMS = File.expand_path("programs", __dir__)
      # Processes among which many sessions are divided.
      PROCESSES = 4

      module_function

      # A master and the workers that it forks.
      def start(etcd, count, settings)
        Group.new([process("host", etcd, settings, "WORKERS" => count.to_s)], workers: count)
      end

      # The same with workers that only sleep.
      def bare(etcd, count, settings)
        Group.new([process("bare", etcd, settings, "WORKERS" => count.to_s)], workers: count)
      end

      # Seconds until the last of some processes is ready that start at once, each without a parent that has
      # the keys. Yields their pids.
      def boot(etcd, count, settings)
        processes = Array.new(count) { process("boot", etcd, settings) }
        heard = -> { processes.map { |process| process.heard(timeout: Group::LIMIT) } }
        heard.call
        processes.each(&:tell)
        heard.call.max.tap { yield processes.map(&:pid) }
      ensure
        processes&.each(&:close)
      end

      # Many clients in few processes, each with its own connection.
      def sessions(etcd, count)
        processes = shares(count).map { |share| process("sessions", etcd, {}, "CLIENTS" => share.to_s) }
        Group.new(processes)
      end

      # How many sessions each of the processes has.
      def shares(count) = Array.new(PROCESSES) { |number| (count + number) / PROCESSES }.select(&:positive?)

      def process(program, etcd, settings, env = {})
        code = File.read(File.join(PROGRAMS, "#{program}.rb"))
        env = env.merge("SETTINGS" => JSON.generate(settings), "PREFIX" => Changes::PREFIX)
        Harness::RubyProcess.new(code, endpoints: [etcd.endpoint], env:)
      end
    end
  end
end
