# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Prints: aligned columns for people, a JSON document a line for machines.
    #
    # Whoever may write a key decides what is in it. Nothing of it reaches a terminal, or a line of its own,
    # before {Escape} has made it harmless.
    #
    # @api private
    class Output
      def initialize(out, json:)
        @out = out
        @json = json
      end

      # A file or a pipe gets the bytes themselves. Text also gets the newline that it may lack; binary data
      # would not be the same with one.
      def value(key, value)
        return document({ key:, value: }) if @json
        return @out.print(value, newline_after(value)) unless @out.tty?

        # A newline forges nothing here: there is one value.
        value.each_line(chomp: true) { |line| @out.puts(Escape.line(line)) }
      end

      def pairs(pairs)
        return pairs.each { |key, value| document({ key:, value: }) } if @json

        columns(pairs.to_a)
      end

      def line(fields)
        @json ? document(fields) : columns(fields.map { |name, value| [name.to_s, value] })
      end

      def instances(instances)
        return instances.each { |instance| document(instance.to_h) } if @json

        columns(instances.map { |one| [one.service, one.address, one.weight, one.key] })
      end

      def changes(before, after, revision)
        (before.keys - after.keys).each { |key| change("delete", key, nil, revision) }
        after.each { |key, value| change("put", key, value, revision) unless before[key] == value }
      end

      private

      def newline_after(value)
        Escape.utf8?(value) && !value.end_with?("\n") ? "\n" : ""
      end

      def change(type, key, value, revision)
        return document({ type:, key:, value:, revision: }.compact) if @json

        @out.puts([type.ljust(6), *[key, value].compact.map { |part| Escape.cell(part) }].join("  "))
        @out.flush
      end

      def columns(rows)
        rows = rows.map { |row| row.map { |cell| shown(cell) } }
        widths = rows.transpose.map { |column| column.map(&:length).max }
        rows.each do |row|
          @out.puts(row.zip(widths).map { |cell, width| cell.ljust(width) }.join("  ").rstrip)
        end
      end

      def shown(cell) = cell.nil? ? "" : Escape.cell(cell.to_s)

      # JSON holds text alone: what is not UTF-8 stands beside it, in Base64.
      def document(fields)
        shown = fields.flat_map do |name, value|
          exact = [:"#{name}_base64", [value].pack("m0")] if value.is_a?(String) && !Escape.utf8?(value)
          [[name, Printable.of(value)], exact].compact
        end
        @out.puts(Escape.json(JSON.generate(shown.to_h)))
        @out.flush
      end
    end
  end
end
