# frozen_string_literal: true

require_relative "../../support/foreign_text"

module EtcdDiscovery
  class Setting
    # The accepted values of each type: one method per type, which returns the final form or `nil`.
    #
    # @api private
    module Checks
      LAYER = %r{\A/(?:.*/)?\z}mn
      private_constant :LAYER

      private

      def check_list(value)
        list = value.is_a?(String) ? [value] : value
        return unless list.is_a?(Array) && list.all?(String)

        # etcd's keys may be any bytes.
        list.map { |text| name == :watch ? text.dup.freeze : in_utf8(text) }.freeze
      end

      # A name is what does not begin with a slash, so that a layer's own keys have to.
      def check_layers(value)
        layers = value.is_a?(String) ? layers_of(value) : value
        return unless layers.is_a?(Array) && layers.all?(String)

        layers.map { |layer| layer.dup.freeze }.uniq.freeze if layers.all? { |layer| layer.b.match?(LAYER) }
      end

      def layers_of(text) = text.b.include?(",") ? ForeignText.parts(text) : [text]

      def check_string(value)
        in_utf8(value) if value.is_a?(String) && !value.empty?
      end

      # A certificate or key given instead of its path must not appear in a message as a missing file.
      def check_path(value)
        path = value.respond_to?(:to_path) ? value.to_path : value
        return unless path.is_a?(String) && !path.empty?
        return path.dup.freeze unless ForeignText.content?(path)

        raise ConfigurationError, "#{name}: contains a certificate, a key or a NUL instead of a path; " \
                                  "save it to a file, and give the file's path"
      end

      alias check_source check_path

      def check_switch(value)
        on = check_boolean(value) unless value.respond_to?(:to_path)
        on.nil? ? check_path(value) : on
      end

      def in_utf8(text)
        ForeignText.utf8(text) or raise ConfigurationError, "#{name}: the text is not valid #{text.encoding}"
      end

      def check_seconds(value)
        seconds = Float(value, exception: false)
        # A range treats NaN as outside; a comparison would raise.
        seconds if seconds && ((@minimum || Float::MIN)..Setting::LONGEST).cover?(seconds)
      end

      def check_interval(value)
        seconds = Float(value, exception: false)
        seconds if seconds && (0.0..Setting::LONGEST).cover?(seconds)
      end

      def check_prefix(value)
        in_utf8(value) if value.is_a?(String) && value.end_with?("/")
      end

      def check_count(value)
        count = Integer(value.to_s, 10, exception: false)
        count if count && count >= @minimum
      end

      # Also in the spellings of the environment and YAML.
      def check_boolean(value)
        case value.to_s.downcase
        when "true", "yes", "on", "1" then true
        when "false", "no", "off", "0" then false
        end
      end

      def check_children(value) = (value.to_s if %w[soon now lazy].include?(value.to_s))

      def check_logger(value) = (value if %i[info warn error].all? { |level| value.respond_to?(level) })
    end
  end
end
