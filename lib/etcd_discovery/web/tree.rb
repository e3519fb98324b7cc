# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # One level of the keys under a prefix, or the keys that a search finds, a page at a time. A folder of
    # 100,000 keys costs two searches in a sorted list, not 100,000 rows.
    #
    # @api private
    class Tree
      # A folder ends in a slash and has a number of keys; a key has none.
      Entry = Struct.new(:name, :path, :holds) do
        def folder? = !holds.nil?
      end

      PAGE = 200
      private_constant :PAGE

      # @return [Array<Entry>]
      attr_reader :entries
      # @return [String, nil] what to go on after; `nil` on the last page
      attr_reader :more

      class << self
        # @param keys [Array<String>] in the order of their bytes
        def level(keys, prefix, after = nil) = new(keys).level(prefix, after)

        def search(keys, words, after = nil) = new(keys).search(words, after)
      end

      def initialize(keys)
        @keys = keys
        @entries = []
      end

      # @return [self]
      def level(prefix, after)
        at = first_behind(after, 0)
        while at < @keys.size && entries.size < PAGE
          entry = entry_at(at, prefix.b)
          entries << entry
          at += entry.holds || 1
        end
        @more = entries.last.path if at < @keys.size
        self
      end

      # @return [self]
      def search(words, after)
        keys = matching(words.b.downcase.split, first_after(after)).first(PAGE + 1)
        @more = keys[PAGE - 1] if keys.size > PAGE
        @entries = keys.first(PAGE).map { |key| Entry.new(key, key) }
        self
      end

      private

      def matching(words, from)
        @keys[from..].lazy.select do |key|
          bytes = key.b.downcase
          words.all? { |word| bytes.include?(word) }
        end
      end

      def entry_at(at, prefix)
        key = @keys[at]
        rest = key.b.delete_prefix(prefix)
        slash = rest.index("/")
        return Entry.new(exact(rest), key) if slash.nil?

        folder = prefix + rest[0..slash]
        Entry.new(exact(rest[0..slash]), exact(folder), first_behind(folder, at) - at)
      end

      def first_after(key)
        return 0 if key.nil?

        (0...@keys.size).bsearch { |at| @keys[at].b > key.b } || @keys.size
      end

      # What follows a folder follows all of its keys.
      def first_behind(path, from)
        return from if path.nil?

        return [first_after(path), from].max unless path.end_with?("/")

        bound = "#{path.b.chop}0".b # the byte after the slash
        (from...@keys.size).bsearch { |at| @keys[at].b >= bound } || @keys.size
      end

      def exact(bytes) = ForeignText.exact(bytes)
    end
  end
end
