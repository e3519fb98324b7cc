# frozen_string_literal: true

# Specs run against real servers: etcd, unicorn, and fresh Ruby processes with the gem loaded. The shared code
# to start, break and end those is in support/.

require "etcd_discovery"

Dir[File.join(__dir__, "support/*.rb")].each { |file| require file }

RSpec.configure do |config|
  config.include Harness::DSL
  config.disable_monkey_patching!
  config.order = :random
  Kernel.srand config.seed
  config.raise_errors_for_deprecations!
  config.expect_with(:rspec) { |expectations| expectations.max_formatted_output_length = 2_000 }

  config.before(:context) do
    Harness::HostMode.apply(self.class.metadata)
    Harness::Cleanup.enter
  end
  # Also of a nested group, which the hook above does not run for.
  config.before(:context, :own_watch) { Harness::HostMode.apply(self.class.metadata) }
  config.after(:context, :own_watch) { Harness::HostMode.apply({}) }
  # `gems:` names the gems with a native part that a group needs.
  config.before(:context, :gems) do
    reason = Harness::CompiledGems.missing(self.class.metadata.fetch(:gems))
    skip reason if reason
  end
  config.after(:context) { Harness::Cleanup.leave }
  config.before do |example|
    Harness::HostMode.apply(example.metadata)
    Harness::Cleanup.enter
  end
  config.after do |example|
    example.metadata[:extra_failure_lines] = Harness::Cleanup.reports if example.exception
    Harness::Cleanup.leave
  end
end
