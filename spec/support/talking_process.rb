# frozen_string_literal: true

require "io/wait"
require "tempfile"
require_relative "child_process"
require_relative "cleanup"
require_relative "log_tail"
require_relative "wait_until"

module Harness
  # A program that prints lines: etcdctl watching, an example in Go.
  class TalkingProcess
    class Silent < StandardError; end

    def initialize(*command, env: {})
      @name = File.basename(command.first)
      @log = Tempfile.create("talking-process-")
      @output, output = IO.pipe
      @process = ChildProcess.new(*command, env:, log: @log.path, out: output)
      output.close
      @buffer = +""
      Cleanup.add(self)
    end

    def pid = @process.pid

    # The next line, without its end.
    def line(timeout: WaitUntil::LIMIT)
      deadline = Harness.now + timeout
      read_more(deadline) until @buffer.include?("\n")
      @buffer.slice!(/\A.*\n/).chomp
    end

    def alive? = @process.alive?

    # Asks it to end, and returns its exit status.
    def stop(signal = :TERM)
      @process.signal(signal)
      @process.wait
    end

    def wait = @process.wait

    def close
      @process.stop
      @output.close
      File.unlink(@log.path)
    end

    def report = "#{self.class} #{@name}:\n#{LogTail.of(@log.path)}"

    private

    def read_more(deadline)
      left = deadline - Harness.now
      raise Silent, "nothing said in time\n#{report}" unless left.positive? && @output.wait_readable(left)

      @buffer << @output.readpartial(65_536)
    rescue EOFError
      raise Silent, "#{@name} has ended: #{@process.wait}\n#{report}"
    end
  end
end
