# frozen_string_literal: true

desc "Run all tests"
task test: %w[test:core spec:all]

namespace :test do
  desc "Test the Rust core"
  task(:core) { sh "cargo", "test", "--workspace", "--locked" }
end

desc "Run the specs, but for those of the packaged gem"
task(spec: :compile) { sh "rspec", "--tag", "~packaging" }

namespace :spec do
  desc "Build the gem, install it in an empty place, and load it there (compiles once more)"
  task(packaging: :compile) { sh "rspec", "--tag", "packaging" }

  desc "Run all specs"
  task(all: :compile) { sh "rspec" }
end
