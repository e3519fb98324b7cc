# frozen_string_literal: true

require "set"

module Torture
  # What one process has shown, one look after another, and in which epochs of etcd it can have been: by its
  # digest alone a snapshot may belong to several.
  class ProcessHistory
    # Of the epoch in which it is, and of the resets that led there.
    Place = Struct.new(:epoch, :resets)

    attr_reader :pid, :born, :max_staleness, :revision, :generation, :seen_at

    def initialize(pid, born, max_staleness)
      @pid = pid
      @born = born
      @max_staleness = max_staleness
      @resets = 0
    end

    def epochs = (@places || []).map(&:epoch).uniq

    # A snapshot that equals etcd's content in these epochs. A reset is counted just after its snapshot is
    # shown, hence two counts: at this look, and some time later. Tells what is wrong, or nil.
    def look(look, epochs, resets_later)
      counted = (@resets..resets_later)
      places = from(epochs, counted).flat_map { |place| onward(place, look.revision, epochs, counted) }.uniq
      problem = "revision #{@revision}, resets #{@resets}; then #{look.revision}, #{resets_later}"
      @places = places.empty? ? nil : places
      @revision = look.revision
      @resets = look.resets
      @generation = look.generation
      @seen_at = look.time
      problem if places.empty?
    end

    private

    def from(epochs, counted)
      @places || epochs.product(counted.to_a).map { |epoch, resets| Place.new(epoch, resets) }
    end

    # Forward in the same history, or to a later one with a reset for it. What was counted at the last look
    # has happened before this one.
    def onward(place, revision, epochs, counted)
      later = epochs.product(counted.to_a).map { |epoch, resets| Place.new(epoch, resets) }
                    .select { |way| (1..way.epoch - place.epoch).cover?(way.resets - place.resets) }
      stays = epochs.include?(place.epoch) && counted.cover?(place.resets) && revision >= (@revision || 0)
      stays ? [place, *later] : later
    end
  end
end
