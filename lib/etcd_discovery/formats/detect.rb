# frozen_string_literal: true

module EtcdDiscovery
  module Formats
    # Any of the known formats, told by the value: for a service whose instances are written by several
    # stacks.
    class Detect < Format
      # @param service [String]
      # @param id [String, nil]
      # @param key [String]
      # @param value [String]
      # @return [Instance, nil]
      # @raise [StandardError] what the format raises that the value seems to be of
      def decode(service, id, key, value)
        format(value).decode(service, id, key, value)
      end

      private

      def format(value)
        return Formats[:plain] unless value.match?(/\A\s*\{/)

        # Of the value itself: a Go endpoint's Metadata may hold any name.
        given = JSON.parse(value)
        given.key?("endpoints") && !given.key?("Addr") ? Formats[:kratos] : Formats[:endpoints]
      end
    end
  end
end
