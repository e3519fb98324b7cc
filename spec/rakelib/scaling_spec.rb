# frozen_string_literal: true

require "open3"
require "rbconfig"
require_relative "../../bench/support/go_peer"
%w[hosts contents sessions changes meter go_host ruby_host modes storm table model].each do |name|
  require_relative "../../bench/scaling/#{name}"
end

RSpec.describe "bench/scale" do
  scaling = Bench::Scaling
  command = File.expand_path("../../bench/scale", __dir__)

  # The rows of each table, by their first two cells.
  define_method(:tables) do |output|
    output.split("\n\n").grep(/\A\|/).map do |table|
      lines = table.lines.map { |line| line.split("|", -1).map(&:strip)[1..-2] }
      lines.to_h { |name, mode, *numbers| [[name, mode], numbers] }
    end
  end

  it "prints every figure as a number, for every number of workers and sessions" do
    output, errors, status = Open3.capture3(RbConfig.ruby, command, "--quick")
    expect(status).to be_success, output + errors
    hosts, contents, sessions, model = tables(output)
    modes = scaling::Modes::USUAL.map { |name| scaling::Modes::ALL.fetch(name).call.name }
    modes.reject! { |mode| output.include?("#{mode}: not measured: ") }
    there = { scaling::Hosts => [hosts, modes, 2], scaling::Contents => [contents, modes, 2],
              scaling::Sessions => [sessions, modes - [scaling::Modes::HOST_COPY], 1] }
    there.each do |part, (table, measured, columns)|
      # No Go program forks.
      rows = part::FIGURES.values.product(measured) - [[part::FIGURES[:bare], scaling::Modes::GO]]
      numbers = table.values_at(*rows)
      expect(numbers).to all(match([a_string_matching(/\A-?[\d.,]+(?:e[-+]\d+)?\z/)] * columns))
    end
    expect(sessions.fetch(["watches at etcd", scaling::Modes::OWN])).to eq %w[8]
    expect(model.fetch(["10,000", scaling::Modes::OWN]).first).to eq "330,000"
  end

  it "says what does not exist" do
    output, status = Open3.capture2e(RbConfig.ruby, command, "host", "--workers", "1")
    expect(status).not_to be_success
    expect(output).to include "unknown part: host; known are hosts, content, sessions"
  end

  it "finds the most requests within a second, wherever that starts" do
    samples = [[0.0, 1], [0.5, 5], [0.9, 20], [1.4, 21], [1.6, 40], [3.0, 41]]
    expect(scaling::Storm.most(samples)).to eq 35
    expect(scaling::Storm.most([[0.0, 7]])).to eq 7
    expect(scaling::Storm.most([])).to eq 0
  end

  it "computes a fleet in proportion to the measured sessions" do
    session = { descriptors: 2.0, idle_messages: 0.25, event: 50, memory: 512,
                away_storm: 5_000, away_most: 4_000 }
    model = scaling::Model.new(session, 1_000, { "own" => 33, "host" => 1 })
    expect(model.costs(1_000)).to eq [1_000, 2_000.0, 250.0, 0.05, 500.0 / 1_024, 5_000.0, 4_000.0]
    expect(tables(model.to_s).first.fetch(%w[10,000 own]).first(3)).to eq ["330,000", "660,000", "82,500"]
  end

  it "reads the processor time of another process" do
    reader, writer = IO.pipe
    pid = fork do
      nil while Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) < 0.2
      writer.puts("done")
      sleep
    end
    reader.gets
    expect(scaling::Meter.cpu(pid)).to be_between(0.2, 10)
  ensure
    Process.kill(:KILL, pid)
    Process.wait(pid)
  end
end
