# frozen_string_literal: true

# Runs specs while RBS compares each call of a public method with its signature: arguments, result and what is
# yielded. A name can be in sig/ with a wrong type; only a call shows that.

# Specs that together call most of the public API. None of them measures time, which the comparison costs.
CALLED = %w[
  spec/changing/settings_spec.rb spec/changing/transaction_spec.rb spec/observe/serialization_spec.rb
  spec/observe/status_spec.rb spec/offline spec/reads/on_change_spec.rb spec/reads/pin_spec.rb
  spec/reads/typed_spec.rb spec/reads/waiting_spec.rb
  spec/service/entries_spec.rb spec/service/service_spec.rb
].freeze

# RBS cannot describe keyword arguments whose names are Strings, as in `stub("/a" => "1", client: client)`.
UNDESCRIBED = %w[::EtcdDiscovery::Testing ::EtcdDiscovery::Testing::Helpers].freeze

environment = {
  "RUBYOPT" => "-rrbs/test/setup", "RBS_TEST_OPT" => "-I sig", "RBS_TEST_LOGLEVEL" => "error",
  "RBS_TEST_TARGET" => "EtcdDiscovery::*", "RBS_TEST_SKIP" => UNDESCRIBED.join(",")
}
# An example with `:misuse` passes on purpose what a signature forbids.
exit system(environment, "rspec", "--tag", "~misuse", *CALLED)
