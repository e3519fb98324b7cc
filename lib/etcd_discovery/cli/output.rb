# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Prints aligned columns for people, or one JSON document per line for machines.
    #
    # Anyone who may write a key controls its content. {Escape} makes all of it harmless before it reaches a
    # terminal or a line of output.
    #
    # @api private
    class Output
      include FleetOutput

      COLOURS = { "-" => 31, "+" => 32, delete: 31, put: 32, false => 31, true => 32, reverted: 31,
                  written: 32, checked: 32 }.freeze

      def initialize(out, json:)
        @out = out
        @json = json
      end

      # A file or pipe receives the exact bytes. Text also gets a missing newline; binary data would be
      # changed by one.
      def value(key, value)
        return document({ key:, value: }) if @json
        return @out.print(value, newline_after(value)) unless @out.tty?

        # A newline forges nothing here, because there is only one value.
        value.each_line(chomp: true) { |line| @out.puts(Escape.line(line)) }
      end

      def pairs(pairs)
        return pairs.each { |key, value| document({ key:, value: }) } if @json

        columns(pairs.to_a)
      end

      def line(fields)
        @json ? document(fields) : columns(fields.map { |name, value| [name.to_s, value] })
      end

      def history(entries)
        return entries.each { |entry| document(entry.as_json.merge("value" => entry.value).compact) } if @json

        columns(entries.map { |entry| change_row(entry) }, entries.map { |entry| COLOURS.fetch(entry.type) })
      end

      # In the form of `diff`: old lines, then new ones.
      def differences(differences)
        return differences.each { |one| document(difference(one)) } if @json

        rows = differences.flat_map do |one|
          [(["-", one.key, one.before] if one.before), (["+", one.key, one.after] if one.after)].compact
        end
        columns(rows, rows.map { |sign,| COLOURS.fetch(sign) })
      end

      def explanation(parts)
        return parts.each { |one| document({ **one.as_json, "value" => one.value }.compact) } if @json

        columns(parts.map { |one| layer_row(one) }, parts.map { |one| COLOURS[:put] if one.wins? })
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

      def layer_row(part)
        mark = "*" if part.wins?
        [mark, part.key, part.value || "-", part.revision, ("temporary" if part.temporary?)]
      end

      def change_row(entry)
        time = entry.at&.localtime&.strftime("%F %T")
        [entry.revision, entry.type, time, entry.by, entry.value, entry.note]
      end

      def difference(one) = { type: one.type, key: one.key, before: one.before, after: one.after }.compact

      def columns(rows, colours = [])
        rows = rows.map { |row| row.map { |cell| shown(cell) } }
        widths = rows.transpose.map { |column| column.map(&:length).max }
        rows.zip(colours) do |row, colour|
          @out.puts(painted(row.zip(widths).map do |cell, width|
                              cell.ljust(width)
                            end.join("  ").rstrip, colour))
        end
      end

      # Colours only a terminal, unless the user has turned colours off (https://no-color.org).
      def painted(line, colour)
        return line if colour.nil? || !@out.tty? || !ENV["NO_COLOR"].to_s.empty?

        "\e[#{colour}m#{line}\e[0m"
      end

      def shown(cell) = cell.nil? ? "" : Escape.cell(cell.to_s)

      # JSON holds text only, so bytes that are not UTF-8 are added in Base64.
      def document(fields)
        shown = fields.flat_map do |name, value|
          exact = [:"#{name}_base64", [value].pack("m0")] if value.is_a?(String) && !Escape.utf8?(value)
          [[name, JsonSafe.of(value)], exact].compact
        end
        @out.puts(Escape.json(JSON.generate(shown.to_h)))
        @out.flush
      end
    end
  end
end
