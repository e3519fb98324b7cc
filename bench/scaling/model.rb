# frozen_string_literal: true

module Bench
  module Scaling
    # What a fleet would cost one etcd, computed from measured sessions: every cost is proportional to their
    # number.
    class Model
      HOSTS = [10, 100, 1_000, 10_000].freeze
      WORKERS = 32
      KIB_PER_GIB = 1_048_576.0
      HEAD = ["hosts", "", "watches", "connections", "messages per second, idle", "etcd's CPU per change, s",
              "etcd's memory, GiB", "requests after a restart", "of these within 1 s"].freeze

      # @param session [Hash{Symbol => Numeric}] the figures of {Sessions}, from `sessions` of them
      # @param sessions [Integer]
      # @param watches [Hash{String => Integer}] the watches that a host of {WORKERS} holds, by mode
      def initialize(session, sessions, watches)
        @session = session
        @sessions = sessions
        @watches = watches
      end

      def to_s
        rows = HOSTS.product(@watches.to_a).map { |hosts, (mode, each)| row(hosts, mode, each) }
        Markdown.table([HEAD, *rows])
      end

      # The costs of so many watches, in the order of {HEAD}.
      def costs(watches)
        each = @session.values_at(:descriptors, :idle_messages).map { |cost| watches * cost }
        [watches, *each, watches * @session[:event] / 1e6, watches * @session[:memory] / KIB_PER_GIB,
         share(watches, :away_storm), share(watches, :away_most)]
      end

      private

      def row(hosts, mode, each)
        [Table.number(hosts), mode, *costs(hosts * each).map { |cost| Table.number(cost) }]
      end

      def share(watches, figure) = watches * @session[figure].fdiv(@sessions)
    end
  end
end
