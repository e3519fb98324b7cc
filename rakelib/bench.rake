# frozen_string_literal: true

desc "Measure, print the table, and write docs/performance.md with its chart"
task(bench: :compile) { sh "bench/run" }

namespace :bench do
  desc "Read for a minute under GC.stress and GC.compact"
  task(collector: :compile) do
    sh({ "ETCDDISCOVERY_SOAK" => "60" }, "rspec", "spec/reads/collector_spec.rb")
  end
end
