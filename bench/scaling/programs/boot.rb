# frozen_string_literal: true

# Reports how long `start` takes. The gem is loaded before, so that only its own start counts.

settings = JSON.parse(ENV.fetch("SETTINGS"), symbolize_names: true)
configure ENV.fetch("PREFIX"), boot_timeout: 300, **settings
report "loaded"
hear
started = now
EtcdDiscovery.start
report now - started
hear
