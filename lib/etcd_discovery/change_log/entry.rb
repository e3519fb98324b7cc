# frozen_string_literal: true

require "etc"
require "json"
require "socket"
require "time"

module EtcdDiscovery
  class ChangeLog
    # One write in the change log: its keys, and who made it, when and why.
    #
    # One transaction writes the entry's key and the keys of the write, so both have the same revision.
    #
    # @api private
    class Entry
      # One key of the write. `before` is the revision of the key's previous change; 0 if it did not exist.
      Item = Struct.new(:key, :type, :before, :value, keyword_init: true)

      attr_reader :action, :items, :by, :at, :note, :revision

      class << self
        # @return [Entry, nil] `nil` if the value is no entry: anyone may have written that key
        def parse(json, revision)
          fields = JSON.parse(json)
          items = fields.fetch("keys").map { |item| item_of(item) }
          new(action: fields["action"], items:, by: fields["by"], at: Time.iso8601(fields.fetch("at")),
              note: fields["note"], revision:)
        rescue JSON::ParserError, ArgumentError, KeyError, TypeError, NoMethodError
          nil
        end

        # @return [String] the author of a write without `by`
        def author
          user = Etc.getpwuid(Process.euid)&.name || Process.euid.to_s
          "#{user}@#{Socket.gethostname}"
        end

        private

        def item_of(fields)
          type, before = fields.fetch_values("type", "before")
          Item.new(key: exact(fields, "key"), type: type.to_sym, before: Integer(before),
                   value: exact(fields, "value"))
        end

        def exact(fields, name)
          encoded = fields["#{name}_base64"]
          encoded ? encoded.unpack1("m0") : fields[name]
        end
      end

      def initialize(action:, items:, by: nil, at: Time.now, note: nil, revision: nil)
        @action = action
        @items = items
        @by = by || Entry.author
        @at = at
        @note = note
        @revision = revision
      end

      # @return [Item, nil] the part about one key
      def of(key) = items.find { |item| item.key.b == key.b }

      # @return [String] JSON, which any tool can read
      def to_json(*)
        JSON.generate(JsonSafe.of({ action:, keys: items.map do |item|
                                                     shown(item)
                                                   end, by:, at:, note: }.compact))
      end

      private

      # JSON holds text only, so other bytes are written in Base64.
      def shown(item)
        item.to_h.compact.to_h do |name, value|
          next [name, value] unless value.is_a?(String) && !Escape.utf8?(value)

          [:"#{name}_base64", [value].pack("m0")]
        end
      end
    end
  end
end
