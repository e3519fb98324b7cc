# frozen_string_literal: true

module EtcdDiscovery
  module History
    # Restores a past revision: the writes, and the conditions that nothing changed meanwhile.
    #
    # A key that has a lease, now or then, stays as it is: a registration would come back without the process
    # that keeps it alive. So do the change log and the fleet below a prefix.
    #
    # @api private
    class Rollback
      # @return [Array<Difference>] the changes
      attr_reader :differences

      # @raise [CompactedError]
      def initialize(client, target, revision)
        @client = client
        own = History.own_prefixes(client.config, [target])
        past = Content.read(client, [target], revision).without(own)
        @now = Content.read(client, [target]).without(own)
        @differences = @now.differences(past).reject { |one| past.leased?(one.key) || @now.leased?(one.key) }
      end

      # @return [Array<Array>] in the form that the extension takes
      def compares = differences.map { |one| [one.key, @now.revision_of(one.key)] }

      # @return [Array<Array>]
      def operations = differences.map { |one| [one.key, one.after] }
    end
  end
end
