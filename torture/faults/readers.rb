# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Kills or stops a reader, which may be a root or a forked child.
  module Faults
    define(:kill_reader) do |world|
      pid = world.readers.sample(random: world.random) or raise Impossible
      world.kill_reader(pid)
    end

    # Of the processes that share one copy, the one that follows etcd.
    define(:kill_leader) do |world|
      pid = world.leaders.sample(random: world.random) or raise Impossible
      world.kill_reader(pid)
    end

    # A stopped leader leads on, so that no other can. Without a host copy no one depends on a reader.
    { stop_reader: :readers, stop_leader: :leaders }.each do |name, candidates|
      define(name) do |world|
        raise Impossible unless world.host_copy?

        pid = world.public_send(candidates).sample(random: world.random) or raise Impossible
        world.stop_reader(pid)
      end
    end
  end
end
