# frozen_string_literal: true

module Bench
  module Scaling
    # Writes the tables of a part into docs/scaling.md, between two marks.
    module Document
      FILE = File.expand_path("../../docs/scaling.md", __dir__)

      module_function

      # @param part [String] one of {Options::PARTS}
      # @param text [String] its tables
      # @param run [String] the command, and the load
      def write(part, text, run)
        marks = ["<!-- This is written by `bench/scale #{part} --write`. -->", "<!-- End of #{part}. -->"]
        day = Time.now.utc.strftime("%Y-%m-%d")
        machine = "#{Machine.cpu}, #{Etc.nprocessors} cores, #{Machine.kernel}"
        note = "#{run}. #{day}, #{machine}, #{Machine.first_line('etcd', '--version')}, Ruby #{RUBY_VERSION}."
        MarkedSection.new(*marks).write(FILE) { "\n#{text}\n\n#{note}\n" }
      end
    end
  end
end
