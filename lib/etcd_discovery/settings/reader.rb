# frozen_string_literal: true

module EtcdDiscovery
  class Settings
    # Reads one field: the typed read, and after a change the field's rules.
    #
    # A typed read gives the same object until the key changes, so the verdict on it is looked up by identity.
    #
    # @api private
    class Reader
      # The result of a typed read without a good value.
      NOTHING = Object.new.freeze

      # @return [String]
      attr_reader :key
      # @return [Object]
      attr_reader :default
      # @return [Array(Object, Object)] the value that was read last, and the one in force for it
      attr_reader :judged

      # @param rules [Rules]
      def initialize(key, type, default, rules)
        @key = key
        # A String needs no parsing, so `fetch` reads it.
        @method = type == :string ? :fetch : type
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

      # The code of a method that reads the field, for its class of settings. It is {#read} without the
      # calls: a declared field costs little more than its typed read.
      #
      # @param name [Symbol] of the method
      # @param client [String] the code of the client
      # @return [String] for a class with the constants READER, KEY and DEFAULT, followed by the field's name
      def source(name, field, client)
        return "def self.#{name} = #{client}.#{@method}(KEY_#{field}, DEFAULT_#{field})" if @rules.none?

        <<~RUBY
          def self.#{name}
            value = #{client}.#{@method}(KEY_#{field}, ::EtcdDiscovery::Settings::Reader::NOTHING)
            judged = READER_#{field}.judged
            judged[0].equal?(value) ? judged[1] : READER_#{field}.judge(#{client}, value)
          end
        RUBY
      end

      # @return [Boolean] whether the last read value broke a rule and is still in etcd
      def bad?(client)
        return false unless @bad

        read(client)
        @bad
      rescue Error
        false
      end

      # A single assignment, so that other threads see the old result or the new one.
      #
      # @return [Object] the value in force
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

      private

      def report(client, problem)
        client = DefaultClient.behind(client)
        client.native_notify_invalid(@key, client.snapshot.mod_revision(@key) || 0, problem)
      rescue Error
        nil # The key has changed again, or cannot be reported. The value is not used either way.
      end
    end
  end
end
