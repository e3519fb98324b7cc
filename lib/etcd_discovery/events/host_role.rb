# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # What a process does for its host (`host_copy`), for the log.
    #
    # @api private
    module HostRole
      LINES = {
        leader: "follows etcd for all processes of this host",
        follower: "reads what process %<leader_pid>d publishes for this host",
        orphan: "follows etcd by itself, because no leader of this host can be relied on"
      }.freeze
      private_constant :LINES

      # The first role of a follower is not worth a line: there may be hundreds.
      #
      # @return [String, nil]
      def self.line(payload)
        role, previous = payload.values_at(:role, :previous)
        format(LINES.fetch(role), payload) unless role == :follower && previous.nil?
      end
    end
  end
end
