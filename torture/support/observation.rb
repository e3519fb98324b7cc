# frozen_string_literal: true

require_relative "summary"

module Torture
  # The reports of the readers, whose format is described in programs/reader.rb.
  Birth = Struct.new(:pid, :time, :parent, :max_staleness) do
    def self.of(pid, time, words) = new(pid, time, words[0].to_i, words[1].to_f)
  end

  Look = Struct.new(:pid, :time, :revision, :resets, :generation, :summary) do
    def self.of(pid, time, words) = new(pid, time, *words.first(3).map(&:to_i), Summary.parse(*words.last(3)))
  end

  Beat = Struct.new(:pid, :time, :revision, :resets, :age, :stale, :state, :slowest, :reads, :role) do
    def self.of(pid, time, words)
      revision, resets, age, stale, state, slowest, reads, role = words
      age = age == "-" ? nil : age.to_f
      new(pid, time, revision.to_i, resets.to_i, age, stale == "true", state, slowest.to_f, reads.to_i, role)
    end

    # When etcd was asked for the confirmation, according to the process's own age.
    def confirmed_at = time - age
  end

  Complaint = Struct.new(:pid, :time, :message) do
    def self.of(pid, time, words) = new(pid, time, words.join(" "))
  end

  Death = Struct.new(:pid, :time) do
    def self.of(pid, time, _words) = new(pid, time)
  end

  # A broken promise, and the observation that shows it.
  Finding = Struct.new(:promise, :observation, :text) do
    def to_s = "promise #{promise}: #{text}: #{observation.to_h}"
  end

  # Parses a line of a report.
  module Observation
    KINDS = { "B" => Birth, "S" => Look, "H" => Beat, "E" => Complaint, "X" => Death }.freeze

    def self.parse(line)
      kind, pid, time, *words = line.split
      KINDS.fetch(kind).of(pid.to_i, time.to_f, words)
    end
  end
end
