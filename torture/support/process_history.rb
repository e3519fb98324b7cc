# frozen_string_literal: true

require "set"

module Torture
  # The snapshots that one process has shown, and the epochs of etcd that they can be from. By its digest
  # alone a snapshot may belong to several epochs.
  class ProcessHistory
    # A possible position: an epoch, and the resets that led to it.
    Position = Struct.new(:epoch, :resets)

    attr_reader :pid, :born, :max_staleness, :revision, :generation, :seen_at

    # What the process does for its host, as it last said; nil before that.
    attr_accessor :role

    # @param counts_resets [Boolean] false for a process that may read what another one has from etcd:
    #   that one counts
    def initialize(birth, counts_resets: true)
      @pid = birth.pid
      @born = birth.time
      @max_staleness = birth.max_staleness
      @counts_resets = counts_resets
      @resets = 0
    end

    def epochs = (@positions || []).map(&:epoch).uniq

    # Adds a snapshot that equals etcd's content in these epochs. A reset is counted just after its snapshot
    # is shown, hence the two counts: at this look, and some time later.
    #
    # @return [String, nil] what is wrong
    def look(look, epochs, resets_later)
      counted = @counts_resets ? (@resets..resets_later) : (0..0)
      positions = from(epochs, counted).flat_map { |from| onward(from, look.revision, epochs, counted) }.uniq
      problem = "revision #{@revision}, resets #{@resets}; then #{look.revision}, #{resets_later}"
      @positions = positions.empty? ? nil : positions
      @revision = look.revision
      @resets = look.resets
      @generation = look.generation
      @seen_at = look.time
      problem if positions.empty?
    end

    private

    def from(epochs, counted)
      @positions || epochs.product(counted.to_a).map { |epoch, resets| Position.new(epoch, resets) }
    end

    # The positions reachable from one: forward in the same history, or in a later epoch with a reset for it.
    # The resets counted at the last look happened before this one.
    def onward(from, revision, epochs, counted)
      later = epochs.product(counted.to_a).map { |epoch, resets| Position.new(epoch, resets) }
                    .select { |to| later?(from, to) }
      stays = epochs.include?(from.epoch) && counted.cover?(from.resets) && revision >= (@revision || 0)
      stays ? [from, *later] : later
    end

    def later?(from, to)
      return to.epoch > from.epoch unless @counts_resets

      (1..to.epoch - from.epoch).cover?(to.resets - from.resets)
    end
  end
end
