# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Which values are never shown, by the names of their keys and by what they look like.
    #
    # @api private
    class Mask
      # What a key or a member of JSON is called that holds a secret.
      NAMES = /passw|passphrase|pwd|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|
               signing[-_.]?key|encryption[-_.]?key|master[-_.]?key/xi
      # A private key, a password in a URL, and such a name before a colon or an equals sign. Repetitions are
      # bounded: a value of a megabyte must not be able to keep this busy.
      VALUES = %r{-----BEGIN|://[^/\s:@]*:[^/\s@]{1,512}@|
                  (?:#{NAMES.source})[\w.-]{0,64}["']?[ \t]{0,8}[:=]}xi
      private_constant :NAMES, :VALUES

      def initialize(more = [], except = [])
        @names = [NAMES, *patterns(:mask, more)].freeze
        @except = patterns(:unmask, except).freeze
      end

      # @param key [String]
      # @param value [String, nil]
      # @return [Boolean] whether the value must not be shown
      def masked?(key, value = nil)
        name = clean(key)
        return false if @except.any? { |pattern| pattern.match?(name) }

        @names.any? { |pattern| pattern.match?(name) } || (!value.nil? && VALUES.match?(clean(value)))
      end

      private

      def clean(text) = text.to_s.dup.force_encoding(Encoding::UTF_8).scrub("?")

      def patterns(name, given)
        list = Array(given)
        return list if list.all?(Regexp)

        raise ConfigurationError, "#{name}: #{given.inspect} is not a list of Regexp"
      end
    end
  end
end
