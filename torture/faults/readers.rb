# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Readers that die without a word, be they a root or somebody's child.
  module Faults
    define(:kill_reader) do |world|
      pid = world.readers.sample(random: world.random) or raise Impossible
      world.kill_reader(pid)
    end
  end
end
