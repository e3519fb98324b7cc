# frozen_string_literal: true

desc "Run the suite on other versions of Ruby, Rails, servers and etcd, and write docs/compatibility.md"
task :matrix, [:row] do |_task, given|
  require_relative "matrix/run"
  exit 1 unless Matrix.run(given.to_a)
end
