# frozen_string_literal: true

require "etc"
require "json"
require "socket"
require "time"

module EtcdDiscovery
  class ChangeLog
    # One write in the change log: its keys, and who made it, when and why. Its revision is that of the log's
    # own key: both are written by one transaction.
    #
    # @api private
    class Entry
      # One key of it. `before` is the revision of the key's last change before; 0: there was no such key.
      Item = Struct.new(:key, :type, :before, :value, keyword_init: true)

      attr_reader :action, :items, :by, :at, :note, :revision

      class << self
        # @return [Entry, nil] `nil` for what is no entry: anybody may have put something there
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

      # @return [Item, nil] what it did to a key
      def of(key) = items.find { |item| item.key.b == key.b }

      # @return [String] JSON, which any tool can read
      def to_json(*)
        JSON.generate(JsonSafe.of({ action:, keys: items.map do |item|
                                                     shown(item)
                                                   end, by:, at:, note: }.compact))
      end

      private

      # JSON holds text alone: other bytes are in Base64.
      def shown(item)
        item.to_h.compact.to_h do |name, value|
          next [name, value] unless value.is_a?(String) && !Escape.utf8?(value)

          [:"#{name}_base64", [value].pack("m0")]
        end
      end
    end
  end
end
