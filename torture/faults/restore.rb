# frozen_string_literal: true

require_relative "catalogue"

module Torture
  # Restores the whole cluster from an old backup: as another cluster, or as the same one with lost history.
  module Faults
    # The least number of revisions lost under the same cluster ID. If the new history passed a reader's
    # revision before it looks again, the reader could not tell the two apart; this many revisions take longer
    # than that.
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
