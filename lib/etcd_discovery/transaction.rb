# frozen_string_literal: true

require_relative "transaction/conflict"

module EtcdDiscovery
  # Collects the writes of {Client#transaction} and their conditions.
  #
  # @example Move ten units from one limit to another, unless someone else was faster
  #   EtcdDiscovery.transaction(by: "ann", note: "more for checkout") do |t|
  #     t.compare "/limits/checkout", value: "50"
  #     t.compare "/limits/search", value: "50"
  #     t.put "/limits/checkout", "60"
  #     t.put "/limits/search", "40"
  #   end
  class Transaction
    include ProcessBound

    # @api private
    # @return [Array<Array>] in the form that the extension takes
    attr_reader :compares, :operations

    # @api private
    def initialize
      @compares = []
      @operations = []
      @written = {}
    end

    # Adds a write.
    #
    # @param key [String]
    # @param value [String]
    # @return [self]
    # @raise [InvalidRequestError] when the transaction already writes this key: etcd accepts one write per
    #   key
    def put(key, value)
      raise TypeError, "expected a String, got #{value.class}" unless value.is_a?(String)

      write(key, value)
    end

    # Adds a deletion. A key that does not exist is no error.
    #
    # @param key [String]
    # @return [self]
    # @raise [InvalidRequestError] when the transaction already writes this key
    def delete(key)
      write(key, nil)
    end

    # Adds a condition. If any condition of the transaction fails, nothing is written.
    #
    # @overload compare(key, revision:)
    #   @param revision [Integer] the revision of the key's last change ({Snapshot#mod_revision}); 0: the key
    #     must not exist
    # @overload compare(key, value:)
    #   @param value [String] the key has this value
    # @overload compare(key, absent:)
    #   @param absent [Boolean] `true`: the key must not exist; `false`: it must exist
    # @param key [String]
    # @return [self]
    # @raise [ArgumentError] without exactly one condition
    def compare(key, **condition)
      unless condition.size == 1 && %i[revision value absent].include?(condition.keys.first)
        raise ArgumentError,
              "compare takes one of revision:, value: and absent:; got #{condition.keys.inspect}"
      end

      @compares << [text(key), expected(*condition.first)].freeze
      self
    end

    # @return [Boolean] whether it neither writes nor compares
    def empty? = operations.empty? && compares.empty?

    # @return [String] without values
    def inspect = "#<#{self.class} #{to_json_safe}>"

    # @api private
    # Closes it after sending: nothing can be added any more.
    def seal
      [@compares, @operations, @written].each(&:freeze)
      freeze
    end

    private

    def to_json_safe = { compares: compares.map(&:first), writes: operations.map(&:first) }

    def write(key, value)
      raise twice(key) if @written[text(key).b]

      @written[key.b] = true
      @operations << [key, value].freeze
      self
    end

    def twice(key)
      InvalidRequestError.new(
        "this transaction writes #{key.inspect} twice, and etcd accepts one write of a key in each", key:
      )
    end

    # Checked here, so that a backtrace shows the wrong line.
    def expected(kind, value)
      accepted = { revision: [Integer], value: [String], absent: [TrueClass, FalseClass] }.fetch(kind)
      unless accepted.include?(value.class)
        raise TypeError,
              "#{kind}: expected #{accepted.first}, got #{value.class}"
      end

      return History.compared(value, kind) if kind == :revision

      kind == :absent ? absent(value) : value
    end

    def absent(value) = value ? 0 : true

    def text(key)
      raise TypeError, "expected a String, got #{key.class}" unless key.is_a?(String)

      key
    end
  end
end
