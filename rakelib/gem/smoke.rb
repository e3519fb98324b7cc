# frozen_string_literal: true

require "fileutils"
require_relative "../debian_root"
Dir[File.expand_path("../../spec/support/*.rb", __dir__)].each { |file| require file }

# Installs a native gem in bare Debian roots that have nothing but Ruby, and runs the smoke test there against
# an etcd of this machine.
class Smoke
  # The release, and another that a newer Ruby comes from.
  ROOTS = [%w[bookworm], %w[trixie], %w[testing], %w[testing experimental 3.4]].freeze
  # The promise, in seconds.
  LIMIT = 5
  PROGRAM = File.expand_path("smoke_test.rb", __dir__)
  Row = Struct.new(:name, :seconds, :words, :works)

  def initialize(gem)
    raise "there is no #{gem}: rake gem:native makes it" unless File.exist?(gem)

    @gem = gem
  end

  # @return [Boolean] whether it works in every root
  def run
    etcd = Harness::EtcdServer.new.start
    rows = ROOTS.map { |suite, newer, version| row(etcd, suite, newer, version) }
    puts table(rows)
    rows.all?(&:works)
  end

  private

  def row(etcd, suite, newer, version)
    row = Row.new(["Debian #{suite}", newer].compact.join(" with "))
    puts "#{row.name}: making a root"
    DebianRoot.open(suite, packages: version ? [] : %w[ruby]) do |root|
      root.install_from(newer, "ruby#{version}") if newer
      try(row, root, version, etcd.endpoint)
    end
    row
  rescue RuntimeError => e
    row.words = e.message
    row
  end

  def try(row, root, version, endpoint)
    FileUtils.cp([@gem, PROGRAM], File.join(root.folder, "root"))
    row.seconds = install(root, version)
    row.words = root.run("env", "ENDPOINT=#{endpoint}", "ruby#{version}", "/root/smoke_test.rb")
    row.works = row.seconds < LIMIT
  end

  def install(root, version)
    started = Harness.now
    root.run("gem#{version}", "install", "--local", "--no-document", "/root/#{File.basename(@gem)}")
    (Harness.now - started).round(1)
  end

  def table(rows)
    rows.map { |row| "#{row.name} | gem install #{row.seconds || '-'} s | #{row.words}" }
  end
end
