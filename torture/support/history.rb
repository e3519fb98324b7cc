# frozen_string_literal: true

module Torture
  # What etcd really held: the digest of the watched ranges at every revision, and when at the latest each
  # came to be. A restored backup begins another epoch: its revisions are others, though of the same numbers.
  class History
    # One life of the cluster, from the first revision that was recorded.
    class Epoch
      attr_reader :first
      attr_accessor :closed_at

      def initialize(revision)
        @first = revision
        @digests = []
        @times = []
      end

      def last = @first + @digests.size - 1

      def add(revision, digest, time)
        raise "revision #{revision} was recorded after #{last}" unless revision == last + 1

        @digests << digest
        @times << time
      end

      def digest(revision) = (@first..last).cover?(revision) ? @digests[revision - @first] : nil

      # When at the latest the content was another one than at this revision; nil while it is that.
      def outdated_at(revision)
        digest = digest(revision) or return
        changed = (revision + 1..last).find { |later| digest(later) != digest }
        changed ? @times[changed - @first] : closed_at
      end
    end

    attr_reader :epochs

    def initialize
      @epochs = []
    end

    def record(epoch, revision, digest, time)
      @epochs[epoch] ||= Epoch.new(revision)
      @epochs[epoch].add(revision, digest, time)
    end

    def current = @epochs.size - 1

    def revision = @epochs.last&.last || 0

    # No reader has seen a later revision than was recorded, so an epoch ends with what was.
    def close(time) = @epochs.last.closed_at = time

    def closed? = !@epochs.last&.closed_at.nil?

    # In which epochs the ranges held this at that revision.
    def epochs_with(revision, digest)
      @epochs.each_index.select { |epoch| @epochs[epoch].digest(revision) == digest }
    end

    # What to say of a content that is in no epoch. On a starved machine the recorder may be so late that
    # nobody knows yet.
    def lack(revision)
      return "etcd never held this at revision #{revision}" if @epochs.any? { |epoch| epoch.digest(revision) }

      "the recorder has not come to revision #{revision}: look into its evidence"
    end

    def size = @epochs.sum { |epoch| epoch.last - epoch.first + 1 }
  end
end
