# frozen_string_literal: true

require "json"

module EtcdDiscovery
  class Fleet
    # Reads the JSON that a member answers with. Anyone may have written such a key, and a member of an older
    # version tells only its revision and its age.
    #
    # @api private
    module AnswerText
      # Events of one member that are read.
      MOST_EVENTS = 50
      private_constant :MOST_EVENTS

      class << self
        # @return [Hash{Symbol => Object}] what {Answer} is made of; empty for what is no answer
        def parse(json)
          fields = JSON.parse(json)
          { revision: Integer(fields["revision"]), age: Float(fields["age"]), **details(fields) }
        rescue JSON::ParserError, ArgumentError, TypeError, NoMethodError
          {}
        end

        private

        def details(fields)
          stale = fields["stale"]
          { stale: ([true, false].include?(stale) ? stale : nil), reconnects: count(fields["reconnects"]),
            rss: count(fields["rss"]), events: events(fields["events"]) }
        end

        def count(given) = (given if given.is_a?(Integer) && !given.negative?)

        def events(given)
          given.first(MOST_EVENTS).filter_map { |one| MemberEvent.parse(one) } if given.is_a?(Array)
        end
      end
    end
  end
end
