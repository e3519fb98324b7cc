# frozen_string_literal: true

desc "Run all tests"
task test: %w[test:core spec:all]

namespace :test do
  desc "Test the Rust core"
  task(:core) { sh "cargo", "test", "--workspace", "--locked" }
end

desc "Run the specs in parallel, except those of the packaged gem"
task(spec: :compile) { ruby "rakelib/specs.rb", *(Dir.children("spec") - %w[packaging]) }

namespace :spec do
  desc "Build the gem, install it into an empty folder, and load it from there (compiles again)"
  task(packaging: :compile) { ruby "rakelib/specs.rb", "packaging" }

  # The rooms whose promises hold in both modes.
  both = %w[reads main_job servers observe changing fleet]
  # What of them runs every time. Servers are in spec/host_copy.
  often = %w[reads main_job/{following,fork,fork_gate,fork_kinds,transactions} servers/hook]

  desc "Run some of the specs with a copy for the whole host"
  task(host_copy: :compile) do
    sh({ "HOST_COPY" => "1" }, FileUtils::RUBY, "rakelib/specs.rb", *often)
  end

  namespace :host_copy do
    desc "Run all specs that hold with a copy for the whole host too"
    task(all: :compile) { sh({ "HOST_COPY" => "1" }, FileUtils::RUBY, "rakelib/specs.rb", *both) }

    desc "Kill the leader of a host 50 times"
    task(kills: :compile) do
      sh({ "HOST_COPY_KILLS" => "50" }, "rspec", "spec/host_copy/killed_leader_spec.rb")
    end
  end

  desc "Run all specs"
  task(all: :compile) { ruby "rakelib/specs.rb", "*" }
end
