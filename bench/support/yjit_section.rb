# frozen_string_literal: true

module Bench
  # The part of docs/performance.md that needs another Ruby. `rake bench:yjit` writes it; `bench/run` keeps
  # it.
  module YjitSection
    FILE = File.expand_path("../../docs/performance.md", __dir__)
    HEAD = "## Reads with YJIT"

    module_function

    # @return [String] the section in the document; empty before the first run
    def text = File.read(FILE, encoding: "UTF-8")[/^#{HEAD}$.*\z/m].to_s

    # @param tables [Hash{String => String}] the name of each Ruby, and its table

    def write(tables)
      before = File.read(FILE, encoding: "UTF-8").delete_suffix(text).rstrip
      File.write(FILE, "#{before}\n\n#{HEAD}\n\n#{body(tables)}")
    end

    def body(tables)
      <<~MARKDOWN
        Written by `rake bench:yjit` on #{Time.now.utc.strftime('%Y-%m-%d')}. It builds Ruby from Debian's source package
        with `--enable-yjit`, because Debian's binary packages have no YJIT, and runs the benchmark of reads with
        YJIT on and off. Compare ratios.

        #{tables.map { |name, table| "`#{name}`\n\n#{table}" }.join("\n\n")}
      MARKDOWN
    end
  end
end
