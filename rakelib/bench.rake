# frozen_string_literal: true

require_relative "yjit_ruby"

desc "Measure, print the table, and write docs/performance.md with its chart"
task(bench: :compile) { sh "bench/run" }

namespace :bench do
  desc "Measure reads with and without YJIT, for docs/performance.md (builds a Ruby, which takes minutes)"
  task :yjit do
    bin = YjitRuby.new("tmp/yjit").build.bin
    path = [bin, ENV.fetch("PATH")].join(File::PATH_SEPARATOR)
    environment = { "PATH" => path, "CARGO_TARGET_DIR" => File.expand_path("tmp/yjit/target") }
    sh(environment, File.join(bin, "ruby"), "bench/yjit")
  end

  desc "Measure what many workers and sessions cost, for docs/scaling.md (takes some 20 minutes)"
  task(scale: :compile) { sh "bench/scale --write" }

  desc "Read for a minute under GC.stress and GC.compact"
  task(collector: :compile) do
    sh({ "ETCD_DISCOVERY_SOAK" => "60" }, "rspec", "spec/reads/collector_spec.rb")
  end
end
