# frozen_string_literal: true

require "io/wait"

module Bench
  module Scaling
    # The same as {RubyHost}, with etcd's own Go client. Go programs do not fork, so there is no master.
    module GoHost
      module_function

      def start(etcd, count, _settings) = group(etcd, [1] * count)

      def bare(_etcd, _count, _settings) = nil

      def boot(etcd, count, _settings)
        group = nil
        Stopwatch.seconds { group = group(etcd, [1] * count) }.tap { yield group.pids }
      ensure
        group&.close
      end

      def sessions(etcd, count) = group(etcd, RubyHost.shares(count))

      # @param clients [Array<Integer>] of each process
      def group(etcd, clients) = Group.new(clients.map { |count| GoProcess.new(etcd, count) })
    end

    # A Go program that answers lines as the Ruby workers do.
    class GoProcess
      def initialize(etcd, clients)
        words, @words = IO.pipe
        @answers, answers = IO.pipe
        command = [GoPeer.binary, "hold", etcd.endpoint, Changes::PREFIX, clients.to_s]
        @process = Harness::ChildProcess.new(*command, in: words, out: answers)
        [words, answers].each(&:close)
        Harness::Cleanup.add(self)
      end

      def pid = @process.pid

      def tell(line) = @words.puts(line)

      def heard(timeout:)
        answer = @answers.gets if @answers.wait_readable(timeout)
        Integer(answer || raise("the Go peer ended, or did not answer within #{timeout} s"))
      end

      def close
        @process.stop(:KILL)
        [@words, @answers].each(&:close)
      end
    end
  end
end
