# frozen_string_literal: true

module Bench
  # The part of docs/performance.md that another Ruby measures: `rake bench:yjit` writes it, and a run of
  # everything leaves it as it is.
  module YjitSection
    FILE = File.expand_path("../../docs/performance.md", __dir__)
    HEAD = "## Reads with YJIT"

    module_function

    # @return [String] as it stands in the document; empty before the first run
    def text = File.read(FILE, encoding: "UTF-8")[/^#{HEAD}$.*\z/m].to_s

    # @param tables [Hash{String => String}] what each Ruby is called, and its table
    def write(tables)
      before = File.read(FILE, encoding: "UTF-8").delete_suffix(text).rstrip
      File.write(FILE, "#{before}\n\n#{HEAD}\n\n#{body(tables)}")
    end

    def body(tables)
      <<~MARKDOWN
        Written by `rake bench:yjit` on #{Time.now.utc.strftime('%Y-%m-%d')}. It builds Ruby from Debian's source package
        with `--enable-yjit`, since Debian's own packages are built without, and runs the benchmark of reads with
        YJIT on and off. Compare ratios.

        #{tables.map { |name, table| "`#{name}`\n\n#{table}" }.join("\n\n")}
      MARKDOWN
    end
  end
end
