# frozen_string_literal: true

desc "Test all parsers with random input: the copy on disk, endpoints, durations, instances"
task :fuzz, [:cases] => :compile do |_, given|
  cases = given.fetch(:cases, 1_000_000)
  # In release mode, because a million cases would otherwise take a quarter of an hour.
  sh({ "PROPTEST_CASES" => cases.to_s }, "cargo", "test", "-p", "etcd_discovery_core", "--lib", "--locked",
     "--release", "--", "store::disk::format", "endpoint::", "duration::")
  sh({ "FUZZ_CASES" => cases.to_s }, "rspec", "spec/service/formats_fuzz_spec.rb")
end
