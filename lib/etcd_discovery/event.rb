# frozen_string_literal: true

module EtcdDiscovery
  # Something that happened to a client. {EventType::ALL} lists all events and their payloads.
  #
  # @example
  #   EtcdDiscovery.subscribe(:stale, :fresh) do |event|
  #     metrics.gauge("etcd.stale", event.name == :stale ? 1 : 0)
  #     logger.warn("the data is #{event[:age]} s old") if event.name == :stale
  #   end
  class Event
    include ProcessBound

    # A Hash that can always be written as JSON. A key of etcd need not be UTF-8, and JSON raises for that.
    #
    # @api private
    class Payload < Hash
      include JsonSafe

      private

      def to_json_safe = to_h
    end
    private_constant :Payload

    # @return [Symbol]
    attr_reader :name
    # @return [Hash{Symbol => Object}] frozen
    attr_reader :payload
    # @return [Client] the client that it happened to
    attr_reader :client
    # @return [Time] when it happened
    attr_reader :time

    # @api private
    def initialize(name, payload, client, time = Time.now)
      @name = name
      @payload = Payload.new.update(payload).freeze
      @client = client
      @time = time
      freeze
    end

    # @param field [Symbol]
    # @return [Object, nil] a part of the payload
    def [](field)
      payload[field]
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{name} #{payload.map { |field, value| "#{field}=#{value.inspect}" }.join(' ')}>"
    end

    private

    def to_json_safe = { name:, time:, payload: }
  end
end
