# frozen_string_literal: true

# Breaks a real cluster of three for some minutes, in every way known to hurt, and holds every snapshot of
# every process against an independent record of etcd's history: `ruby torture/torture.rb MINUTES [SEED]`.
#
# Status 0: all promises were kept. Status 1: one was not; the evidence is in the folder that is named.

$stdout.sync = true
require "fileutils"
require_relative "support/nemesis"
require_relative "support/report"
require_relative "support/world"

minutes = Float(ARGV.fetch(0, 3))
seed = Integer(ARGV.fetch(1) { Random.new_seed % 1_000_000 })
folder = File.expand_path("../tmp/torture/#{seed}-#{Process.pid}", __dir__)
FileUtils.mkdir_p(folder)
puts "torture for #{minutes} minutes with seed #{seed}"

random = Random.new(seed)
world = Torture::World.new(folder, random).start
nemesis = Torture::Nemesis.new(world, random, folder)
begin
  nemesis.run(minutes * 60)
rescue StandardError => e
  nemesis.complaints << "the run itself came to grief: #{e.full_message(highlight: false)}"
end
world.finish
report = Torture::Report.new(world.listener.checker, nemesis)
puts report.lines, ""
abort "NOT SOUND. Evidence: #{folder}; again: rake \"torture[#{minutes},#{seed}]\"" unless report.sound?

puts "sound, with seed #{seed}"
FileUtils.rm_rf(folder)
