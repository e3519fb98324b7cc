# frozen_string_literal: true

require_relative "content"

module Torture
  # Checks promise 5. An age claims that etcd was asked at a certain time and then held this snapshot's
  # content. Both parts of the claim can be refuted.
  class Freshness
    # A period without connection to etcd. `to` is nil while it lasts.
    Cut = Struct.new(:from, :to)

    def initialize(history)
      @history = history
      @cuts = []
    end

    # Records that nothing can arrive from etcd from now on.
    def cut_off = @cuts << Cut.new(Harness.now)

    # Records that the connection to etcd is possible again.
    def connected = @cuts.each { |cut| cut.to ||= Harness.now }

    # @return [String, nil] what is wrong
    def problem(process, beat)
      fresh = !beat.age.nil? && beat.age <= process.max_staleness
      return "stale? is #{beat.stale} at the age of #{beat.age}" if beat.stale == fresh
      return if beat.age.nil?

      refuted_by_content(process, beat) || refuted_by_cut(beat)
    end

    private

    def refuted_by_content(process, beat)
      # The process has not reported this snapshot yet.
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
