# frozen_string_literal: true

require_relative "application"

Application.boot
if defined?(PhusionPassenger)
  PhusionPassenger.on_event(:starting_worker_process) { |forked| EtcdDiscovery.after_fork if forked }
end
run Application
