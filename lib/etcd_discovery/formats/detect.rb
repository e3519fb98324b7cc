# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # Detects any of the known formats from the value, for a service whose instances come from several stacks.
    class Detect < Format
      # @param service [String]
      # @param id [String, nil]
      # @param key [String]
      # @param value [String]
      # @return [Instance, nil]
      # @raise [StandardError] the error of the detected format
      def decode(service, id, key, value)
        format(value).decode(service, id, key, value)
      end

      private

      def format(value)
        return Formats[:plain] unless value.match?(/\A\s*\{/)

        # Looks only at the value's own fields: a Go endpoint's Metadata may hold any name.
        given = JSON.parse(value)
        given.key?("endpoints") && !given.key?("Addr") ? Formats[:kratos] : Formats[:endpoints]
      end
    end
  end
end
