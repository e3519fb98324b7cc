# frozen_string_literal: true

require_relative "../support/markdown"

module Bench
  module Faults
    # Writes one section of docs/reliability.md, and leaves the others alone.
    module Document
      FILE = File.expand_path("../../docs/reliability.md", __dir__)
      TITLE = "## Registrations under faults"
      HEAD = ["fault", "measured", "median", "longest", "bound", ""].freeze

      module_function

      def write(results)
        before = File.exist?(FILE) ? File.read(FILE) : "# Reliability\n"
        rest = before.sub(/^#{Regexp.escape(TITLE)}$.*?(?=^## |\z)/m, "\0")
        rest = "#{before.rstrip}\n\n\0" if rest == before
        File.write(FILE, "#{rest.sub("\0") { "#{section(results)}\n" }.rstrip}\n")
      end

      def section(results)
        <<~MARKDOWN
          #{TITLE}

          Written by `bench/faults/run` (`rake faults`) on #{Time.now.utc.strftime('%Y-%m-%d')}: a cluster of three on
          one machine, TTL #{TTL} s, each fault #{results.first.times.size} times. An independent `etcdctl watch` shows when
          the key disappears and returns; 0 means that it never disappeared. After a network cut, a request sent during
          the cut may have to time out first (3 s), and the next attempt may wait for its backoff (3 s).

          #{Machine.lines.map { |line| "* #{line}" }.join("\n")}

          #{table(results)}
        MARKDOWN
      end

      def table(results)
        Markdown.table([HEAD, *results.map { |result| cells(result) }])
      end

      def cells(result)
        [result.fault, result.what, seconds(result.median), seconds(result.times.max),
         "≤ #{seconds(result.bound)}", result.held? ? "held" : "missed"]
      end

      def seconds(time)
        return "0" if time.zero?

        time < 1 ? "#{(time * 1_000).round} ms" : "#{format('%.2f', time).sub(/\.?0+\z/, '')} s"
      end
    end
  end
end
