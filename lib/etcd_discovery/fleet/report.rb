# frozen_string_literal: true

module EtcdDiscovery
  class Fleet
    # The result of a roll call ({Fleet#await}).
    #
    # A process that has forked other members ({Member#role} `:parent`) is called like all others, and must
    # have the revision too, but the counts in {#to_s} are of workers.
    class Report
      include JsonSafe

      # How many missing members {#to_s} names.
      NAMED = 10
      private_constant :NAMED

      # @return [Integer] the revision that was asked for
      attr_reader :revision
      # @return [Array<Answer>] of the members whose readers see it, in the order of their answers
      attr_reader :reached
      # @return [Array<Answer>] of the others, by host and pid
      attr_reader :missing
      # @return [Array<Member>] those that ended, or whose lease expired, during the call; none is waited for
      attr_reader :left
      # @return [Float] how long the call took
      attr_reader :seconds

      # @api private
      # @return [String] for people
      def self.duration(seconds)
        return "an unknown time" if seconds.nil?

        seconds < 1 ? "#{(seconds * 1000).round} ms" : "#{seconds.round(1).to_s.delete_suffix('.0')} s"
      end

      # @api private
      def initialize(revision, answers, seconds:, left: [])
        @revision = revision
        @reached, @missing = answers.partition(&:reached?)
        @reached = @reached.sort_by(&:seconds).freeze
        @missing.freeze
        @left = left.freeze
        @seconds = seconds
        freeze
      end

      # @return [Boolean] whether there are members, and the readers of all of them see the revision
      def complete? = missing.empty? && reached.any?

      # @return [String] such as `96 of 96 at revision 4711 after 14 ms`
      def to_s
        return "no process is a member of the fleet" if reached.empty? && missing.empty?

        "#{counts} at revision #{revision} after #{Report.duration(seconds)}#{names_of_missing}"
      end

      # @return [Hash{Symbol => Object}]
      def to_h
        { revision:, complete: complete?, seconds: seconds.round(4), reached: reached.map(&:to_h),
          missing: missing.map(&:to_h), left: left.map(&:to_h) }
      end

      # @return [String]
      def inspect = "#<#{self.class} #{self}>"

      private

      def to_json_safe = to_h

      def counts
        parents, workers = %i[parent worker].map { |role| [reached, missing].map { |all| count(all, role) } }
        return "#{workers.first} of #{workers.sum}" if parents.sum.zero?

        "#{workers.first} of #{workers.sum} (and #{parents.first} of #{parents.sum} parent processes)"
      end

      def count(answers, role) = answers.count { |answer| answer.member.role == role }

      def names_of_missing
        return if missing.empty?

        more = ", and #{missing.size - NAMED} more" if missing.size > NAMED
        "; missing: #{missing.first(NAMED).join(', ')}#{more}"
      end
    end
  end
end
