# frozen_string_literal: true

# Breaks a real cluster of three for some minutes, in every way known to cause trouble, and checks every
# snapshot of every process against an independent record of etcd's history: `ruby torture/torture.rb MINUTES
# SEED ETCD`. Each argument is optional. ETCD is a release to build from its Go module, such as 3.6.
#
# With HOST_COPY=1 in the environment, readers with the same settings share one copy. Those that follow etcd
# for the others are killed and stopped too.
#
# Exit status 0: all promises were kept. 1: one was broken; the output names the folder with the evidence.

$stdout.sync = true
require "fileutils"
require "tmpdir"

minutes, seed, etcd = ARGV.map { |word| word unless word.empty? }
minutes = Float(minutes || 3)
seed = Integer(seed || (Random.new_seed % 1_000_000))
if etcd
  require_relative "../rakelib/matrix/etcd_build"
  ENV.update(Matrix::EtcdBuild.variables(Matrix::EtcdBuild.programs(etcd, $stderr)))
end

# Loaded after the environment is set, because these files read which etcd to start.
require_relative "support/nemesis"
require_relative "support/report"
require_relative "support/world"

folder = File.expand_path("../tmp/torture/#{seed}-#{Process.pid}", __dir__)
FileUtils.mkdir_p(folder)
# Not in the folder with the evidence: the path of a socket must be short.
host_copy = Dir.mktmpdir("torture-host-") if ENV["HOST_COPY"] == "1"
how = " and a host copy" if host_copy
puts "torture for #{minutes} minutes with seed #{seed}, etcd #{Torture::Cluster.version}#{how}"

random = Random.new(seed)
world = Torture::World.new(folder, random, host_copy:).start
nemesis = Torture::Nemesis.new(world, random, folder)
begin
  nemesis.run(minutes * 60)
  world.finish_history
rescue StandardError => e
  nemesis.complaints << "the run itself failed: #{e.full_message(highlight: false)}"
ensure
  world.close
  FileUtils.rm_rf(host_copy) if host_copy
end
report = Torture::Report.new(world, nemesis)
puts report.lines, ""
again = "rake \"torture[#{[minutes, seed, *etcd].join(',')}]\""
again = "HOST_COPY=1 #{again}" if host_copy
abort "NOT SOUND. Evidence: #{folder}; again: #{again}" unless report.sound?

puts "sound, with seed #{seed}"
FileUtils.rm_rf(folder)
