# frozen_string_literal: true

require "etcd_discovery"
require_relative "marked_section"

# The table of all settings, generated from the code into docs/configuration.md.
module SettingsTable
  FILE = File.expand_path("../docs/configuration.md", __dir__)
  SECTION = MarkedSection.new("<!-- The table is made by `rake docs:configuration` from the code. -->\n",
                              "<!-- End of the table. -->\n")
  HEAD = ["| setting | type | default | environment | what it is |", "| --- | --- | --- | --- | --- |"].freeze

  module_function

  # The document, read as UTF-8 in any locale.
  def read = File.read(FILE, encoding: "UTF-8")

  def write = File.write(FILE, renewed(read))

  # @return [String] the document with the current table
  def renewed(document) = SECTION.replace(document) { table }

  def table
    rows = EtcdDiscovery::Configuration::SETTINGS.map { |setting| row(setting) }
    [*HEAD, *rows].map { |line| "#{line}\n" }.join
  end

  def row(setting)
    cells = ["`#{setting.name}`", setting.accepted, default(setting), variables(setting), setting.doc]
    "| #{cells.join(' | ')} |"
  end

  def default(setting)
    case setting.default
    when nil, [] then "–"
    when Float then "#{setting.default.to_s.delete_suffix('.0')} s"
    else "`#{Array(setting.default).join(',')}`"
    end
  end

  def variables(setting)
    setting.variables.empty? ? "–" : setting.variables.map { |name| "`#{name}`" }.join(", ")
  end
end
