# frozen_string_literal: true

module EtcdDiscovery
  # Where the value of a name comes from: what each layer (`layers`) has, and which one wins.
  #
  # @example
  #   explanation = EtcdDiscovery.explain("checkout/limit")
  #   explanation.layer               # => "/shop/overrides/"
  #   explanation.map(&:value)        # => ["10", nil, "50"]
  class Explanation
    include Enumerable
    include JsonSafe

    # What one layer has.
    class Part
      include JsonSafe

      # @return [String] the prefix of the layer
      attr_reader :layer
      # @return [String] the key in this layer
      attr_reader :key
      # @return [String, nil] frozen; `nil` if the layer does not have the key
      attr_reader :value
      # @return [Integer, nil] the revision of the key's last change
      attr_reader :revision

      # @api private
      # @param found [Array] layer, key, value, revision and lease
      def initialize(found, wins)
        @layer, @key, @value, @revision, lease = found
        @temporary = !lease.to_i.zero?
        @wins = wins
        freeze
      end

      # @return [Boolean] whether this layer's value is in force
      def wins? = @wins

      # @return [Boolean] whether the key is under a lease, as an override is: it goes when the lease ends
      def temporary? = @temporary

      # @return [String] without the value: it may be a secret
      def inspect = "#<#{self.class} #{key.inspect} revision=#{revision.inspect}#{' wins' if wins?}>"

      private

      def to_json_safe = { layer:, key:, revision:, temporary: temporary?, wins: wins? }
    end

    # @return [String]
    attr_reader :name

    # @api private
    # @param found [Array<Array>] layer, key, value, revision and lease
    def initialize(name, found)
      @name = name.dup.freeze
      first = found.index { |_, _, value,| !value.nil? }
      @parts = found.each_with_index.map { |one, at| Part.new(one, at == first) }.freeze
      freeze
    end

    # @yieldparam part [Part]
    # @return [self, Enumerator] in the order of the layers
    def each(&block)
      return enum_for(:each) { @parts.size } unless block

      @parts.each(&block)
      self
    end

    # @return [Part, nil] the layer whose value is in force; `nil` if no layer has the key
    def winner = @parts.find(&:wins?)

    # @return [String, nil] the value in force
    def value = winner&.value

    # @return [String, nil] the layer whose value is in force
    def layer = winner&.layer

    # @return [String] without values: they may be secrets
    def inspect = "#<#{self.class} #{name.inspect} layer=#{layer.inspect}>"

    private

    def to_json_safe = { name:, layer:, layers: @parts.map(&:as_json) }
  end
end
