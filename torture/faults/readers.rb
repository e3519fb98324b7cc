# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Kills a reader, which may be a root or a forked child.
  module Faults
    define(:kill_reader) do |world|
      pid = world.readers.sample(random: world.random) or raise Impossible
      world.kill_reader(pid)
    end
  end
end
