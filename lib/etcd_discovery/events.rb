# frozen_string_literal: true

module EtcdDiscovery
  # What events do without a subscriber: log lines, ActiveSupport, error reports.
  #
  # @api private
  module Events
  end
end

require_relative "events/throttle"
require_relative "events/reminder"
require_relative "events/host_role"
require_relative "events/messages"
require_relative "events/event_logger"
require_relative "events/log_thread"
require_relative "events/instrumentation"
require_relative "events/rails_event"
require_relative "events/error_reports"
require_relative "events/notifications"
