# frozen_string_literal: true

require_relative "content"

module Torture
  # Promise 5. What a process says of its age is a claim: at the time that the age counts from, etcd was
  # asked, and its content was this snapshot's. Both can be refuted.
  class Freshness
    # From and to; `to` is nil while it lasts.
    Cut = Struct.new(:from, :to)

    def initialize(history)
      @history = history
      @cuts = []
    end

    # Nothing can come from etcd, from now on.
    def cut_off = @cuts << Cut.new(Harness.now)

    # Something can, after this.
    def connected = @cuts.each { |cut| cut.to ||= Harness.now }

    # What is wrong, or nil.
    def problem(process, beat)
      fresh = !beat.age.nil? && beat.age <= process.max_staleness
      return "stale? is #{beat.stale} at the age of #{beat.age}" if beat.stale == fresh
      return if beat.age.nil?

      refuted_by_content(process, beat) || refuted_by_cut(beat)
    end

    private

    def refuted_by_content(process, beat)
      # A snapshot that it has not told of yet.
      return if beat.revision != process.revision || process.epochs.empty?

      outdated = process.epochs.map { |epoch| @history.epochs[epoch].outdated_at(beat.revision) }
      return unless outdated.all? { |time| time && time < beat.confirmed_at }

      "it was confirmed #{(beat.confirmed_at - outdated.max).round(3)} s after etcd held something else"
    end

    def refuted_by_cut(beat)
      cut = @cuts.find { |one| one.from < beat.confirmed_at && (one.to.nil? || beat.time < one.to) }
      cut && "it was confirmed #{(beat.confirmed_at - cut.from).round(3)} s after etcd was cut off"
    end
  end
end
