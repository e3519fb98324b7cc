# frozen_string_literal: true

require "fileutils"
require_relative "../debian_root"
require_relative "emulated_root"
Dir[File.expand_path("../../spec/support/*.rb", __dir__)].each { |file| require file }

# Installs a native gem in minimal Debian roots with Ruby, and runs the smoke test there against an etcd on
# this machine.
class Smoke
  # The release of each root, and the release and version of a newer Ruby if it is not the root's own.
  ROOTS = [%w[bookworm], %w[trixie], %w[testing], %w[testing experimental 3.4]].freeze
  # The promised limit in seconds of CPU time. Wall-clock time would include other work on the machine.
  LIMIT = 5
  PROGRAM = File.expand_path("smoke_test.rb", __dir__)
  Row = Struct.new(:name, :seconds, :cpu, :words, :works)

  # @param gem [String] the path of a native gem
  # @param emulate [String, nil] Debian's name of the gem's architecture, if it is not this machine's
  def initialize(gem, emulate: nil)
    raise "there is no #{gem}: run rake gem:native" unless File.exist?(gem)

    @gem = gem
    @emulate = emulate
  end

  # @return [Boolean] whether it works in every root
  def run
    @etcd = Harness::EtcdServer.new.start
    rows = @emulate ? emulated : ROOTS.map { |suite, newer, version| bare(suite, newer, version) }
    puts(rows.map { |row| "#{row.name} | #{installed(row)} | #{row.words}" })
    rows.all?(&:works)
  end

  private

  def bare(suite, newer, version)
    row("Debian #{[suite, newer].compact.join(' with ')}") do |row|
      DebianRoot.open(suite, packages: version ? [] : %w[ruby]) do |root|
        root.install_from(newer, "ruby#{version}") if newer
        try(row, root, version)
      end
      row.works = row.cpu < LIMIT
    end
  end

  # Uses one root for all Rubies, because emulation is slow.
  def emulated
    EmulatedRoot.open("testing", architecture: @emulate) do |root|
      root.rubies.map do |version|
        row("Debian testing on #{@emulate}, emulated, Ruby #{version}") do |row|
          try(row, root, version)
          row.works = true
        end
      end
    end
  end

  def row(name)
    puts "#{name}: installing"
    row = Row.new(name)
    yield row
    row
  rescue RuntimeError => e
    row.words = e.message
    row
  end

  def try(row, root, version)
    FileUtils.cp([@gem, PROGRAM], File.join(root.folder, "root"))
    ruby = "/usr/bin/ruby#{version}"
    time(row) do
      root.run(ruby, "/usr/bin/gem#{version}", "install", "--local", "--no-document",
               "/root/#{File.basename(@gem)}")
    end
    row.words = root.run(ruby, "/root/smoke_test.rb", environment: { "ENDPOINT" => @etcd.endpoint })
  end

  def time(row)
    started = Harness.now
    before = Process.times
    yield
    after = Process.times
    row.seconds = (Harness.now - started).round(1)
    row.cpu = (after.cutime + after.cstime - before.cutime - before.cstime).round(1)
  end

  def installed(row) = row.seconds ? "gem install: #{row.seconds} s, #{row.cpu} s of CPU" : "not installed"
end
