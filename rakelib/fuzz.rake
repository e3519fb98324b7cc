# frozen_string_literal: true

desc "Play many random inputs to whatever reads bytes: the copy on disk, endpoints, durations, instances"
task :fuzz, [:cases] => :compile do |_, given|
  cases = given.fetch(:cases, 1_000_000)
  # Optimised, since a million cases take a quarter of an hour else.
  sh({ "PROPTEST_CASES" => cases.to_s }, "cargo", "test", "-p", "etcd_discovery_core", "--lib", "--locked",
     "--release", "--", "store::disk::format", "endpoint::", "duration::")
  sh({ "FUZZ_CASES" => cases.to_s }, "rspec", "spec/service/formats_fuzz_spec.rb")
end
