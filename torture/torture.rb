# frozen_string_literal: true

# Breaks a real cluster of three for some minutes, in every way known to cause trouble, and checks every
# snapshot of every process against an independent record of etcd's history: `ruby torture/torture.rb MINUTES
# SEED ETCD`. Each argument is optional. ETCD is a release to build from its Go module, such as 3.6.
#
# Exit status 0: all promises were kept. 1: one was broken; the output names the folder with the evidence.

$stdout.sync = true
require "fileutils"

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
puts "torture for #{minutes} minutes with seed #{seed}, etcd #{Torture::Cluster.version}"

random = Random.new(seed)
world = Torture::World.new(folder, random).start
nemesis = Torture::Nemesis.new(world, random, folder)
begin
  nemesis.run(minutes * 60)
  world.finish_history
rescue StandardError => e
  nemesis.complaints << "the run itself failed: #{e.full_message(highlight: false)}"
ensure
  world.close
end
report = Torture::Report.new(world, nemesis)
puts report.lines, ""
again = [minutes, seed, *etcd].join(",")
abort "NOT SOUND. Evidence: #{folder}; again: rake \"torture[#{again}]\"" unless report.sound?

puts "sound, with seed #{seed}"
FileUtils.rm_rf(folder)
