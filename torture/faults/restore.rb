# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # The whole cluster comes back with an old backup: as another cluster, or as the same one with lost history.
  module Faults
    # Under the same cluster ID, a history that has overtaken a reader's revision before it looks again is the
    # same one to it. So it must not be able to in that time.
    FAR_BACK = 3_000

    define(:restore_backup) do |world|
      backup = world.cluster.backups.sample or raise Impossible
      world.heal
      last = world.finish_history
      same = last - backup.revision > FAR_BACK && world.random.rand < 0.5
      token = same ? world.cluster.token : world.cluster.new_token
      world.processes.stop_recorder
      world.cluster.stop
      world.listener.ask { |checker| checker.history.close(Harness.now) }
      world.cluster.restore(backup, token:)
      world.begin_epoch(world.recorded_epoch + 1)
    end
  end
end
