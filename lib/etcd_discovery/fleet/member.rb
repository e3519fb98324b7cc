# frozen_string_literal: true

require "json"
require "time"

module EtcdDiscovery
  class Fleet
    # One process of a {Fleet}.
    #
    # @example
    #   EtcdDiscovery.fleet.members.map(&:to_s)  # => ["web-1 pid 4711", "web-1 pid 4712"]
    class Member
      include JsonSafe

      # @return [String]
      attr_reader :host
      # @return [Integer]
      attr_reader :pid
      # @return [Integer, nil] the pid of the process that started it
      attr_reader :parent_pid
      # @return [String, nil] its title when it became a member
      attr_reader :program
      # @return [String, nil] its version of this gem
      attr_reader :version
      # @return [Time, nil] when it became a member
      attr_reader :started_at
      # @return [Array<String>] its layers, the first in force first
      attr_reader :layers
      # @return [Symbol] `:parent` for a process that has forked other members, such as a preloading master of
      #   unicorn; else `:worker`
      attr_reader :role

      class << self
        # @api private
        # @param rows [Array<Array>] key, value, … of each
        # @return [Array<Member>]
        def all(rows)
          found = rows.filter_map { |key, json,| parse(key, json) }
          parents = found.to_h { |fields| [fields.values_at(:host, :parent_pid), true] }
          found.map do |fields|
            new(**fields, role: parents[fields.values_at(:host, :pid)] ? :parent : :worker)
          end
        end

        private

        # Anyone may have written such a key, so the member's name comes only from the key.
        def parse(key, json)
          host, pid = key.split("/").last(2)
          return unless host && pid&.match?(/\A\d+\z/)

          { host:, pid: Integer(pid, 10), **details(json) }
        end

        def details(json)
          fields = JSON.parse(json)
          { parent_pid: fields["parent_pid"], program: fields["program"], version: fields["version"],
            started_at: time(fields["started_at"]), layers: Array(fields["layers"]).grep(String) }
        rescue JSON::ParserError, TypeError, NoMethodError
          {}
        end

        def time(text)
          Time.iso8601(text)
        rescue ArgumentError, TypeError, NoMethodError
          nil
        end
      end

      # @api private
      def initialize(host:, pid:, parent_pid: nil, program: nil, version: nil, started_at: nil, layers: [],
                     role: :worker)
        @host = host
        @pid = pid
        @parent_pid = parent_pid
        @program = program
        @version = version
        @started_at = started_at
        @layers = layers.freeze
        @role = role
        freeze
      end

      # @return [Hash{Symbol => Object}]
      def to_h = { host:, pid:, parent_pid:, program:, version:, started_at:, layers:, role: }

      # @return [String] where it is: host and pid, in one line of UTF-8 whatever the host's name is
      def to_s = "#{Escape.line(host)} pid #{pid}"

      # @return [String]
      def inspect = "#<#{self.class} #{self} #{role}>"

      # @api private
      # @return [String] the end of its keys
      def id = "#{host}-#{pid}"

      private

      def to_json_safe = to_h
    end
  end
end
