# frozen_string_literal: true

require "active_support"
require "active_support/notifications"

connect "/service/"

# Stands for a service that calls someone at night.
def pager = @pager ||= Class.new { def notify(*event) = event }.new
