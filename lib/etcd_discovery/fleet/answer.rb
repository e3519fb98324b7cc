# frozen_string_literal: true

module EtcdDiscovery
  class Fleet
    # One member's answer to a roll call, or the lack of one.
    class Answer
      include JsonSafe

      # @return [Member]
      attr_reader :member
      # @return [Integer, nil] the revision that its readers saw when it answered last; `nil` if it did not
      attr_reader :revision
      # @return [Float, nil] seconds, when it answered, since etcd had confirmed its copy; `nil` without an
      #   answer
      attr_reader :age
      # @return [Float, nil] seconds from the call until its answer that it has the revision was seen
      attr_reader :seconds
      # @return [Integer, nil] connections that it had made after its first; `nil` without an answer, and from
      #   a member of an older version
      attr_reader :reconnects
      # @return [Integer, nil] bytes of memory that it occupied (resident set size); `nil` as for
      #   {#reconnects}, and where its system does not tell
      attr_reader :rss
      # @api private
      # @return [Array<MemberEvent>, nil] its latest events, the oldest first; `nil` unless the call asked for
      #   them and the member knows how to tell
      attr_reader :events

      # @api private
      def initialize(member, revision: nil, age: nil, seconds: nil, stale: nil, reconnects: nil, rss: nil,
                     events: nil)
        @member = member
        @revision = revision
        @age = age
        @seconds = seconds
        @stale = stale
        @reconnects = reconnects
        @rss = rss
        @events = events
        freeze
      end

      # @return [String]
      def host = member.host

      # @return [Integer]
      def pid = member.pid

      # @return [Boolean] whether its readers see the revision that was asked for
      def reached? = !seconds.nil?

      # @return [Boolean, nil] whether its copy was stale by its own `max_staleness`; `nil` as for
      #   {#reconnects}
      def stale? = @stale

      # @return [String, nil] why it counts as missing
      def problem
        return if reached?
        return "no answer" if revision.nil?

        "at revision #{revision}, which etcd confirmed #{Report.duration(age)} before"
      end

      # @return [String]
      def to_s = "#{member} (#{problem || "revision #{revision}"})"

      # @return [Hash{Symbol => Object}]
      def to_h
        { host:, pid:, role: member.role, reached: reached?, revision:, age:, stale: stale?, reconnects:,
          rss:, seconds: seconds&.round(4), problem: }.compact
      end

      # @return [String]
      def inspect = "#<#{self.class} #{self}>"

      private

      def to_json_safe = to_h
    end
  end
end
