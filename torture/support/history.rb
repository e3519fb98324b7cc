# frozen_string_literal: true

module Torture
  # What etcd really held: a Summary of the watched ranges at every revision, and when at the latest each came
  # to be. A restored backup begins another epoch: its revisions are others, though of the same numbers.
  class History
    # One life of the cluster, from the first revision that was recorded.
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

        # One object for as long as nothing changes, and one word for a bulk that many contents share.
        before = @summaries.last
        summary.bulk = before.bulk if before&.bulk == summary.bulk
        @summaries << (before == summary ? before : summary)
        @times << time
      end

      def summary(revision) = (@first..last).cover?(revision) ? @summaries[revision - @first] : nil

      # When at the latest the content was another one than at this revision; nil while it is that.
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

    # No reader has seen a later revision than was recorded, so an epoch ends with what was.
    def close(time) = @epochs.last.closed_at = time

    def closed? = !@epochs.last&.closed_at.nil?

    # In which epochs the ranges held what a reader saw at that revision.
    def epochs_with(revision, seen)
      @epochs.each_index.select { |epoch| @epochs[epoch].summary(revision)&.fits?(seen) }
    end

    # What to say of a content that is in no epoch. On a starved machine the recorder may be so late that
    # nobody knows yet.
    def lack(revision)
      known = @epochs.any? { |epoch| epoch.summary(revision) }
      return "etcd never held this at revision #{revision}" if known

      "the recorder has not come to revision #{revision}: look into its evidence"
    end

    def size = @epochs.sum { |epoch| epoch.last - epoch.first + 1 }
  end
end
