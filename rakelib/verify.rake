# frozen_string_literal: true

require_relative "verification"

# What bin/test runs after bin/setup.
task :verify, %i[setup seconds] do |_task, given|
  run = Verification.new
  run.record("setup", given.setup != "failed", given.seconds.to_i)
  compiled = run.step("compile", "rake", "compile")

  Rake::Task["check"].prerequisites.each { |check| run.step(check, "rake", check) }
  run.step("test:core", "rake", "test:core", tests: true)
  if compiled
    %w[spec spec:packaging].each { |specs| run.step(specs, "rake", specs, tests: true) }
    run.step("torture", "rake", "torture[3]")
  else
    run.skip("spec", "compile failed")
  end

  # Only the exit status: rake's own words would come after the closing line.
  exit 1 unless run.summary
end
