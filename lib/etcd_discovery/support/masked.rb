# frozen_string_literal: true

module EtcdDiscovery
  # Shows a setting's value in an error or `inspect`, without the parts that may be secret.
  #
  # @api private
  module Masked
    FILTERED = "[FILTERED]"
    # A longer value does not help.
    LONGEST = 200
    # Matches a plain endpoint, without `user:password@host` or `?password=…`.
    ENDPOINT = %r{\A(?<start>(?:[a-z]+://)?(?:[\w.-]*|\[[\h:.]*\]))(?<port>:\d*)?(?<path>/[\w./%-]*)?\z}i
    # Matches the host of an endpoint whose port part may be a password.
    HOST = %r{\A(?:[a-z]+://)?[\w.-]*(?=:[^@?#]*\z)}i
    PEM = "-----BEGIN"
    private_constant :ENDPOINT, :HOST, :PEM

    class << self
      # @return [String] a text as Ruby writes it; the class of other values
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

      # @return [String] only the name of `user:password`
      def user(value)
        value.is_a?(String) ? value.split(":", 2).first.to_s.inspect : secret(value)
      end

      # @return [String] a mask for a text; the class of other values
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

      # People often write a password as `{ "password" => … }`.
      def pair(key, part)
        "#{key.is_a?(Symbol) ? key.inspect : value(key)}=>#{part.is_a?(String) ? FILTERED : value(part)}"
      end

      def list(parts, &block) = "[#{parts.map(&block).join(', ')}]"

      def class_of(value) = value.nil? ? "nil" : "(#{value.class})"
    end
  end
end
