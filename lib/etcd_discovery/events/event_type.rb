# frozen_string_literal: true

module EtcdDiscovery
  # A kind of {Event}: when it happens, and what it contains.
  #
  # @example All event types with their meaning
  #   EtcdDiscovery::EventType::ALL.each { |type| puts "#{type.name}: #{type.doc}" }
  class EventType
    include JsonSafe

    # @return [Symbol]
    attr_reader :name
    # @return [Symbol] its topic: log lines about one subject share a limit
    attr_reader :subject
    # @return [String] when it happens
    attr_reader :doc
    # @return [Hash{Symbol => String}] the fields of the payload and their meaning
    attr_reader :payload

    # @param level [Symbol, #call] of its log line: `:info`, `:warn` or `:error`; or a callable that returns
    #   the level for a payload
    # @api private
    def initialize(name, subject, level, doc, **payload)
      @name = name
      @subject = subject
      @level = level
      @doc = doc
      @payload = payload.freeze
      freeze
    end

    # @param name [Symbol, String]
    # @return [EventType]
    # @raise [ArgumentError] for an unknown name
    def self.[](name)
      ALL.find { |type| type.name == name.to_s.to_sym } or
        raise ArgumentError, "#{name.inspect}: no such event; there are #{ALL.map(&:name).join(', ')}"
    end

    # @param payload [Hash{Symbol => Object}]
    # @return [Symbol] the level of the line in the log
    def level(payload)
      @level.respond_to?(:call) ? @level.call(payload) : @level
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{name}>"
    end

    private

    def to_json_safe = { name:, subject:, doc:, payload: }
  end
end
