# frozen_string_literal: true

require "io/wait"
require_relative "observation"

module Torture
  # Receives the reports of the recorder and of the readers, over one pipe each, and runs the checker.
  #
  # It has one thread. Other threads use the checker through {#ask}, which locks it.
  class Listener
    PAUSE = 0.05

    # The ends of the pipes that the programs write to.
    attr_reader :recorders, :readers
    attr_reader :checker

    # @param folder [String] gets a log of all reports, as evidence
    def initialize(checker, folder)
      @checker = checker
      @record = File.open(File.join(folder, "observations.log"), "w")
      @lock = Mutex.new
      @pipes = {}
      @recorders = pipe do |line|
        @record.write(line)
        record(line)
      end
      @readers = pipe do |line|
        @record.write(line)
        @checker.take(Observation.parse(line))
      end
    end

    def start
      @thread = Thread.new { listen until @ended }
      @thread.abort_on_exception = true
      self
    end

    def ask = @lock.synchronize { yield @checker }

    def stop
      @ended = true
      @thread.join
      @pipes.each_key { |reader| drain(reader) while reader.ready? }
      @checker.advance(last: true)
      @record.close
    end

    private

    # @return [IO] the end to write to
    def pipe(&take)
      reader, writer = IO.pipe
      @pipes[reader] = [+"", take]
      writer
    end

    def listen
      readable, = IO.select(@pipes.keys, nil, nil, PAUSE)
      @lock.synchronize do
        (readable || []).each { |reader| drain(reader) }
        @checker.advance
      end
    end

    def drain(reader)
      buffer, take = @pipes[reader]
      buffer << reader.read_nonblock(1 << 20)
      take.call(buffer.slice!(0..buffer.index("\n"))) while buffer.include?("\n")
    end

    def record(line)
      _, epoch, revision, time, *summary = line.split
      @checker.history.record(epoch.to_i, revision.to_i, Summary.parse(*summary), time.to_f)
    end
  end
end
