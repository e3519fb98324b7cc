# frozen_string_literal: true

module EtcdDiscovery
  class Doctor
    # One line of the report: what was looked at, whether it is fine, what that means, and what to do.
    #
    # @api private
    Finding = Struct.new(:check, :level, :subject, :message, :advice, keyword_init: true) do
      def to_h = super.compact
    end

    # What all checks have in common.
    #
    # @api private
    class Check
      class << self
        # @param name [Symbol, nil] sets it
        # @return [Symbol] the name in the report
        def check_name(name = nil) = name ? @check_name = name : @check_name

        # @return [Finding]
        def finding(level, message, subject: nil, advice: nil, check: check_name)
          Finding.new(check:, level:, subject:, message:, advice:)
        end
      end

      # @param context [Context]
      def initialize(context)
        @context = context
      end

      private

      attr_reader :context

      def config = context.config

      def finding(...) = self.class.finding(...)

      def fine(message, **about) = finding(:fine, message, **about)

      def doubtful(message, **about) = finding(:doubtful, message, **about)

      def wrong(message, **about) = finding(:wrong, message, **about)
    end
  end
end
