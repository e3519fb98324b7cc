# frozen_string_literal: true

require "rbconfig"
require_relative "../../spec/support/child_process"
require_relative "../../spec/support/cleanup"
require_relative "settings"

module Torture
  # The processes of a run besides etcd: the recorder, the writers, and the readers with their forked
  # children.
  class Processes
    PROGRAMS = File.expand_path("../programs", __dir__)
    LIB = File.expand_path("../../lib", __dir__)
    READERS = 4
    WRITERS = 2
    # The transactions per second of each writer.
    RATE = 40

    def initialize(environment, listener, folder, random, host_copy: nil)
      @environment = environment.merge("TORTURE_HOST_COPY" => host_copy)
      @host_copy = host_copy
      @listener = listener
      @folder = folder
      @random = random
      @trees = []
      @writers = []
      Harness::Cleanup.add(self)
    end

    def start_recorder(epoch)
      evidence = File.join(@folder, "history-#{epoch}.jsonl")
      @recorder = run("recorder", epoch.to_s, evidence, 3 => @listener.recorders)
    end

    def stop_recorder = @recorder.stop(:KILL)

    def start_writers(epoch)
      alive, @alive = IO.pipe
      @writers = Array.new(WRITERS) { run("writer", epoch.to_s, seed, RATE.to_s, 3 => alive) }
      alive.close
    end

    # Stops the writers, and returns when none can start another write.
    def stop_writers
      @writers.each(&:stop)
      @alive.close
    end

    def start_readers
      @profiles = profiles
      @roots = @profiles.map { |profile| reader(profile) }
    end

    # Replaces roots that died. Their forked children live on.
    def replace_dead_roots
      @roots = @roots.zip(@profiles).map { |root, profile| root.alive? ? root : reader(profile) }
    end

    # Raises if the recorder or a writer has ended.
    def check_alive
      raise "the recorder has ended\n#{log_tail}" unless @recorder.alive?
      raise "a writer has ended\n#{log_tail}" unless @writers.all?(&:alive?)
    end

    def close
      [@recorder, *@writers, *@trees].compact.each { |process| process.stop(:KILL) }
    end

    private

    # The user, watched ranges and pace of each reader. At least two are ordinary users. With a host copy, two
    # readers of each kind share one.
    def profiles
      others = Array.new(READERS - Settings::ORDINARY.size) { Settings::ROLES.keys.sample(random: @random) }
      paces = %w[default eager].cycle
      all = (Settings::ORDINARY + others).map do |user|
        [user, Content::WATCHES.keys.sample(random: @random), paces.next]
      end
      @host_copy ? all.first(READERS / 2) * 2 : all
    end

    # Starts a root reader, which leads its own process group with all that it forks.
    def reader(profile)
      run("reader", seed, *profile, @folder, 3 => @listener.readers).tap { |process| @trees << process }
    end

    def run(program, *arguments, **descriptors)
      Harness::ChildProcess.new(RbConfig.ruby, "-I", LIB, File.join(PROGRAMS, "#{program}.rb"), *arguments,
                                env: @environment, log:, **descriptors)
    end

    def log = File.join(@folder, "programs.log")

    def log_tail = File.readlines(log).last(20).join

    def seed = @random.rand(2**32).to_s
  end
end
