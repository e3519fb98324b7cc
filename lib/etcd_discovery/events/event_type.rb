# frozen_string_literal: true

module EtcdDiscovery
  # A kind of {Event}: when there is one, and what it tells.
  #
  # @example All there is, with its meaning
  #   EtcdDiscovery::EventType::ALL.each { |type| puts "#{type.name}: #{type.doc}" }
  class EventType
    include JsonSafe

    # @return [Symbol]
    attr_reader :name
    # @return [Symbol] what it is about: lines of the log about one subject are limited together
    attr_reader :subject
    # @return [String] when there is one
    attr_reader :doc
    # @return [Hash{Symbol => String}] what the payload holds, and what that is
    attr_reader :payload

    # @param level [Symbol, #call] of its line in the log: `:info`, `:warn` or `:error`; or what gives it for
    #   a payload
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
    # @raise [ArgumentError] for a name that there is not
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
