# frozen_string_literal: true

module EtcdDiscovery
  # Looking after clients: what happens to them becomes events and lines in the log.
  #
  # @api private
  module Observation
  end
end

require_relative "observation/throttle"
require_relative "observation/reminder"
require_relative "observation/lines"
require_relative "observation/journal"
require_relative "observation/contact"
require_relative "observation/counters"
require_relative "observation/freshness"
require_relative "observation/registrations"
require_relative "observation/lookout"
require_relative "observation/observer"
require_relative "observation/notifications"
require_relative "observation/audience"
