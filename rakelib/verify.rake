# frozen_string_literal: true

require_relative "verification"

# Runs after bin/setup in bin/test. Checks that need no compilation come first, so that a typing error, or a
# Ruby that cannot read the gem, shows within seconds.
task :verify, %i[setup seconds] do |_task, given|
  run = Verification.new
  run.record("setup", given.setup != "failed", given.seconds.to_i, "bin/setup test")
  checks = Rake::Task["check"].prerequisites.map(&:to_s)
  cheap = %w[check:syntax check:fmt check:shape check:rubocop]
  early, late = checks.partition { |check| cheap.include?(check) }

  early.each { |check| run.step(check, "rake", check) }
  compiled = run.step("compile", "rake", "compile")
  loaded = compiled && run.step("load", "ruby", "-Ilib", "-e", 'require "etcd_discovery"')
  late.each { |check| run.step(check, "rake", check) }
  run.step("test:core", "rake", "test:core", tests: true)
  if loaded
    %w[spec spec:host_copy spec:packaging].each { |specs| run.step(specs, "rake", specs, tests: true) }
    run.step("torture", "rake", "torture[3]")
    run.step("torture, shared", "env", "HOST_COPY=1", "rake", "torture[2]")
    run.step("field", "rake", "field[short]")
  else
    run.skip("spec", "the gem does not load")
  end

  # `exit` instead of `abort`, so that rake prints nothing after the last line.
  exit 1 unless run.summary
end
