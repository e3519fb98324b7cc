# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # Reads one field: a typed read, and after a change a check of the field's rules.
    #
    # A typed read returns the same object until the key changes, so the result of the check is looked up by
    # identity.
    #
    # @api private
    class Reader
      # The result of a typed read without a good value.
      NOTHING = Object.new.freeze
      private_constant :NOTHING

      # @param rules [Rules]
      def initialize(key, method, default, rules)
        @key = key
        @method = method
        @default = default
        @rules = rules
        @judged = [NOTHING, default].freeze
      end

      # @return [Object] the value in force
      def read(client)
        value = client.public_send(@method, @key, NOTHING)
        judged = @judged
        judged[0].equal?(value) ? judged[1] : judge(client, value)
      end

      # @return [Boolean] whether the last read value broke a rule and is still in etcd
      def bad?(client)
        return false unless @bad

        read(client)
        @bad
      rescue Error
        false
      end

      private

      # A single assignment, so that other threads see the old result or the new one.
      def judge(client, value)
        in_force = value.equal?(NOTHING) ? @default : value
        problem = @rules.problem(value) unless value.equal?(NOTHING)
        @bad = !problem.nil?
        if problem
          in_force = @judged[1]
          report(client, problem)
        end
        @judged = [value, in_force].freeze
        in_force
      end

      def report(client, problem)
        client = client.client if client.equal?(EtcdDiscovery)
        client.native_notify_invalid(@key, client.snapshot.mod_revision(@key) || 0, problem)
      rescue Error
        nil # The key has changed again or cannot be reported. Either way, the value is not used.
      end
    end
  end
end
