# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Prints: aligned columns for people, a JSON document a line for machines.
    #
    # @api private
    class Output
      def initialize(out, json:)
        @out = out
        @json = json
      end

      def value(key, value)
        @json ? document({ key:, value: text(value) }) : @out.puts(value)
      end

      def pairs(pairs)
        return pairs.each { |key, value| value(key, value) } if @json

        columns(pairs.to_a)
      end

      def line(fields)
        @json ? document(fields) : columns(fields.map { |name, value| [name.to_s, value.to_s] })
      end

      def instances(instances)
        return instances.each { |instance| document(instance.to_h) } if @json

        columns(instances.map { |one| [one.service, one.address, one.weight.to_s, one.key] })
      end

      def changes(before, after, revision)
        (before.keys - after.keys).each { |key| change("delete", key, nil, revision) }
        after.each { |key, value| change("put", key, value, revision) unless before[key] == value }
      end

      private

      def change(type, key, value, revision)
        return document({ type:, key:, value: text(value), revision: }.compact) if @json

        @out.puts([type.ljust(6), key, *value].join("  "))
        @out.flush
      end

      def columns(rows)
        widths = rows.transpose.map { |column| column.map { |cell| cell.to_s.length }.max }
        rows.each do |row|
          @out.puts(row.zip(widths).map { |cell, width| cell.to_s.ljust(width) }.join("  ").rstrip)
        end
      end

      def document(fields)
        @out.puts(JSON.generate(fields))
        @out.flush
      end

      # JSON holds text alone.
      def text(value)
        value && (value.encoding == Encoding::UTF_8 ? value : value.dup.force_encoding("UTF-8").scrub)
      end
    end
  end
end
