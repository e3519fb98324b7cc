# frozen_string_literal: true

require "io/wait"
require_relative "testimony"

module Torture
  # Hears the recorder and the readers, each over one pipe that all of a kind share, and has the checker work.
  # One thread; whoever else wants to know something of the checker asks under its lock.
  class Listener
    PAUSE = 0.05

    # The ends that the programs write to.
    attr_reader :recorders, :readers
    attr_reader :checker

    # What they say is kept in `folder`, for evidence.
    def initialize(checker, folder)
      @checker = checker
      @record = File.open(File.join(folder, "testimony.log"), "w")
      @lock = Mutex.new
      @ears = {}
      @recorders = ear do |line|
        @record.write(line)
        record(line)
      end
      @readers = ear do |line|
        @record.write(line)
        @checker.take(Testimony.parse(line))
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
      @ears.each_key { |ear| drain(ear) while ear.ready? }
      @checker.advance(last: true)
      @record.close
    end

    private

    def ear(&hear)
      ear, mouth = IO.pipe
      @ears[ear] = [+"", hear]
      mouth
    end

    def listen
      readable, = IO.select(@ears.keys, nil, nil, PAUSE)
      @lock.synchronize do
        (readable || []).each { |ear| drain(ear) }
        @checker.advance
      end
    end

    def drain(ear)
      buffer, hear = @ears[ear]
      buffer << ear.read_nonblock(1 << 20)
      hear.call(buffer.slice!(0..buffer.index("\n"))) while buffer.include?("\n")
    end

    def record(line)
      _, epoch, revision, time, *summary = line.split
      @checker.history.record(epoch.to_i, revision.to_i, Summary.parse(*summary), time.to_f)
    end
  end
end
