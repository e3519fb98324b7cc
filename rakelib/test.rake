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

  desc "Run all specs"
  task(all: :compile) { ruby "rakelib/specs.rb", "*" }
end
