# frozen_string_literal: true

desc "Break cluster and owners, measure how long registrations are absent, and write docs/reliability.md"
task(faults: :compile) { sh "bench/faults/run" }
