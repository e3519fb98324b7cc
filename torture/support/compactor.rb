# frozen_string_literal: true

module Torture
  # Compacts history that the recorder has seen: all of it ten times a second, or only old history.
  class Compactor
    EVERY = 0.1
    # The revisions that `trim` keeps: more than are made while a reader is cut off.
    KEPT = 3_000

    attr_reader :count

    def initialize(gateway, &revision)
      @gateway = gateway
      @revision = revision
      @count = 0
    end

    def start
      return if @thread

      @thread = Thread.new { compact until @ended }
    end

    def stop
      @ended = true
      @thread&.join
      @thread = nil
      @ended = false
    end

    # Compacts old history. Otherwise each bulk would enlarge etcd's file, and every backup with it.
    def trim
      revision = @revision.call - KEPT
      compact_to(revision) if revision.positive?
    end

    private

    def compact
      compact_to(@revision.call)
      sleep EVERY
    end

    def compact_to(revision)
      @gateway.compact(revision)
      @count += 1
    rescue Harness::Gateway::Failed
      nil # it is compacted already, or there is no leader
    end
  end
end
