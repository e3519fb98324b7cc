# frozen_string_literal: true

module EtcdDiscovery
  # Shows a value that was given for a setting, for an error or `inspect`, without what may be a secret in it.
  #
  # @api private
  module Masked
    FILTERED = "[FILTERED]"
    # More of a value does not help.
    LONGEST = 200
    # What an endpoint may look like; `user:password@host` and `?password=…` do not.
    ENDPOINT = %r{\A(?<start>(?:[a-z]+://)?(?:[\w.-]*|\[[\h:.]*\]))(?<port>:\d*)?(?<path>/[\w./%-]*)?\z}i
    # The same with what may be a password where the port should be.
    HOST = %r{\A(?:[a-z]+://)?[\w.-]*(?=:[^@?#]*\z)}i
    PEM = "-----BEGIN"
    private_constant :ENDPOINT, :HOST, :PEM

    class << self
      # @return [String] a text as Ruby writes it; of what may hold anything, the class
      def value(value)
        shown = case value
                when Numeric, true, false, nil then value.inspect
                when String then text(value)
                when Array then list(value) { |part| value(part) }
                when Hash then "{#{value.map { |key, part| pair(key, part) }.join(', ')}}"
                else class_of(value)
                end
        shown.length > LONGEST ? "#{shown[0, LONGEST]}…" : shown
      end

      # @return [String] endpoints without passwords
      def endpoints(value)
        return list(value) { |part| part.is_a?(String) ? endpoint(part) : value(part) } if value.is_a?(Array)

        value.is_a?(String) ? endpoint(value) : value(value)
      end

      # @return [String] the name alone of `user:password`
      def user(value)
        value.is_a?(String) ? value.split(":", 2).first.to_s.inspect : secret(value)
      end

      # @return [String] of what is no text, the class
      def secret(value)
        value.is_a?(String) ? FILTERED : class_of(value)
      end

      private

      def text(text)
        return FILTERED if text.b.include?(PEM)
        return text.inspect unless text.encoding.ascii_compatible? && text.valid_encoding?

        text.include?("://") ? endpoint(text) : text.inspect
      end

      def endpoint(text)
        return text.inspect if text.match?(ENDPOINT)

        host = text[HOST]
        (host ? "#{host}:#{FILTERED}" : "#{text[%r{\A[a-z]+://}i]}#{FILTERED}").inspect
      end

      # `{ "password" => … }` is how people write one.
      def pair(key, part)
        "#{key.is_a?(Symbol) ? key.inspect : value(key)}=>#{part.is_a?(String) ? FILTERED : value(part)}"
      end

      def list(parts, &block) = "[#{parts.map(&block).join(', ')}]"

      def class_of(value) = value.nil? ? "nil" : "(#{value.class})"
    end
  end
end
