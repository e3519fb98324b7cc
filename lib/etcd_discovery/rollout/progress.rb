# frozen_string_literal: true

module EtcdDiscovery
  class Rollout
    # What a rollout has done just now.
    #
    # @example
    #   rollout.run { |progress| puts progress }
    #   # step 1 of 3: 1 of 96 hosts at revision 4711: web-01
    class Progress
      include JsonSafe

      # How many hosts {#to_s} names.
      NAMED = 5
      TEXTS = {
        overridden: lambda { |one, about|
          "step #{about[:step]} of #{about[:steps]}: #{about[:hosts].size} of #{about[:of]} hosts at " \
            "revision #{about[:revision]}: #{one.named_hosts}"
        },
        awaited: ->(_, about) { "  #{about[:report]}" },
        pausing: ->(_, about) { "  waiting #{Fleet::Report.duration(about[:seconds])}" },
        checking: ->(*) { "  checking" },
        checked: ->(*) { "  the check passed" },
        written: ->(_, about) { "#{about[:key]} has the value, at revision #{about[:revision]}" },
        reverted: lambda { |one, about|
          "reverted#{' when the lease ends' unless about[:released]}: #{one.named_hosts}"
        }
      }.freeze
      private_constant :NAMED, :TEXTS

      # @return [Symbol] `:overridden`, `:awaited`, `:pausing`, `:checking`, `:checked`, `:written` or
      #   `:reverted`
      attr_reader :stage

      # @api private
      def initialize(stage, **details)
        @stage = stage
        @details = details.freeze
        freeze
      end

      # @return [Hash{Symbol => Object}] the stage, the name, and what there is of step, steps, hosts,
      #   revision, report, seconds and key
      def to_h = { stage:, **@details }

      # @return [String]
      def to_s = TEXTS.fetch(stage).call(self, @details)

      # @return [String]
      def inspect = "#<#{self.class} #{stage} #{@details[:name]}>"

      # @api private
      # @return [String] the hosts, or the first of them
      def named_hosts
        hosts = @details[:hosts]
        more = ", and #{hosts.size - NAMED} more" if hosts.size > NAMED
        "#{hosts.first(NAMED).join(', ')}#{more}"
      end

      private

      def to_json_safe = to_h
    end
  end
end
