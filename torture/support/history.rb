# frozen_string_literal: true

module Torture
  # What etcd really held: a Summary of the watched ranges at every revision, and the latest possible time of
  # each. A restored backup starts another epoch, whose revisions have the same numbers but other content.
  class History
    # One history of the cluster, from the first recorded revision on.
    class Epoch
      attr_reader :first
      attr_accessor :closed_at

      def initialize(revision)
        @first = revision
        @summaries = []
        @times = []
      end

      def last = @first + @summaries.size - 1

      def add(revision, summary, time)
        raise "revision #{revision} was recorded after #{last}" unless revision == last + 1

        # Unchanged summaries share one object, and equal digests of the bulk share one string.
        before = @summaries.last
        summary.bulk = before.bulk if before&.bulk == summary.bulk
        @summaries << (before == summary ? before : summary)
        @times << time
      end

      def summary(revision) = (@first..last).cover?(revision) ? @summaries[revision - @first] : nil

      # The latest time at which the content of this revision was replaced; nil while it is current.
      def outdated_at(revision)
        summary = summary(revision) or return
        changed = (revision + 1..last).find { |later| summary(later) != summary }
        changed ? @times[changed - @first] : closed_at
      end
    end

    attr_reader :epochs

    def initialize
      @epochs = []
    end

    def record(epoch, revision, summary, time)
      @epochs[epoch] ||= Epoch.new(revision)
      @epochs[epoch].add(revision, summary, time)
    end

    def current = @epochs.size - 1

    def revision = @epochs.last&.last || 0

    # Ends the current epoch. No reader has seen a revision that was not recorded.
    def close(time) = @epochs.last.closed_at = time

    def closed? = !@epochs.last&.closed_at.nil?

    # The epochs in which the ranges held what a reader saw at that revision.
    def epochs_with(revision, seen)
      @epochs.each_index.select { |epoch| @epochs[epoch].summary(revision)&.fits?(seen) }
    end

    # Explains a content that is in no epoch. On a starved machine the recorder may simply be late.
    def explain_mismatch(revision)
      known = @epochs.any? { |epoch| epoch.summary(revision) }
      return "etcd never held this at revision #{revision}" if known

      "the recorder has not reached revision #{revision}: see its evidence"
    end

    def size = @epochs.sum { |epoch| epoch.last - epoch.first + 1 }
  end
end
