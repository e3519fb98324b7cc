# frozen_string_literal: true

desc "Build the gem into pkg/"
task :gem do
  mkdir_p "pkg"
  gemspec = Gem::Specification.load("etcd_discovery.gemspec")
  sh "gem", "build", "etcd_discovery.gemspec", "--output", "pkg/#{gemspec.full_name}.gem"
end
