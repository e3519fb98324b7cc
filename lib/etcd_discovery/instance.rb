# frozen_string_literal: true

module EtcdDiscovery
  # One instance of a service.
  #
  # @example
  #   instance = EtcdDiscovery.service("b").instances.first
  #   instance.address   # => "10.1.1.60:8081"
  #   instance.metadata  # => {"zone"=>"eu"}
  class Instance
    include JsonSafe

    # @return [String] the service, as requested
    attr_reader :service
    # @return [String, nil] distinguishes the instances of a service
    attr_reader :id
    # @return [String] where the instance answers
    attr_reader :address
    # @return [Numeric] share of work; 1 if none is given
    attr_reader :weight
    # @return [Hash{String => Object}] other properties
    attr_reader :metadata
    # @return [String, nil] the key that it was read from
    attr_reader :key

    # @param service [String]
    # @param address [String]
    # @param id [String, nil]
    # @param weight [Numeric, nil]
    # @param metadata [Hash{String => Object}, nil]
    # @param key [String, nil]
    # @raise [ConfigurationError] for a wrong value
    def initialize(service:, address:, id: nil, weight: nil, metadata: nil, key: nil)
      @weighted = !weight.nil?
      @service = service
      @address = address
      @id = id
      @key = key
      @weight = weight || 1
      @metadata = metadata || {}
      check_parts
      freeze
    end

    class << self
      # @api private
      # @raise [ConfigurationError]
      def check_service(given)
        return if name?(given)

        raise ConfigurationError, "service: #{given.inspect} is not a String, not empty, without control " \
                                  "characters and without . and .. between slashes"
      end

      # @api private
      # Other tools take keys for paths and list one per line.
      def name?(given)
        text?(given) && given.b.split("/").none? { |part| %w[. ..].include?(part) }
      end

      # @api private
      def text?(given)
        given.is_a?(String) && !given.empty? && !given.b.match?(/[\x00-\x1f\x7f]/n)
      end
    end

    # @return [Boolean] whether a weight was given
    def weighted?
      @weighted
    end

    # @return [String] the address without scheme and port
    def host
      bare = address.sub(%r{\A[a-z][a-z0-9+.-]*://}i, "")
      bare[/\A\[([^\]]*)\]/, 1] || bare.sub(%r{[:/?].*\z}m, "")
    end

    # @return [Integer, nil] the port in the address
    def port
      address[%r{:(\d+)(?:[/?].*)?\z}m, 1]&.to_i
    end

    # @return [Boolean] whether both describe the same instance equally
    def ==(other)
      other.is_a?(Instance) && to_h == other.to_h
    end
    alias eql? ==

    # @return [Integer]
    def hash
      to_h.hash
    end

    # @return [Hash{Symbol => Object}]
    def to_h
      { service:, id:, address:, weight:, metadata:, key: }
    end

    # @return [String] the address
    def to_s
      address
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{[service, id, address].compact.join(' ')}>"
    end

    private

    def to_json_safe = to_h

    def check_parts
      Instance.check_service(service)
      check(:address, address, "a String, not empty, without control characters") { |given| text?(given) }
      check(:id, id, "a String without slash and control characters, and not . or ..") do |given|
        given.nil? || id?(given)
      end
      check(:weight, weight, "a number from 0") { |given| weight?(given) }
      check(:metadata, metadata, "a Hash") { |given| given.is_a?(Hash) }
    end

    def id?(given)
      Instance.name?(given) && !given.include?("/")
    end

    def text?(given) = Instance.text?(given)

    def weight?(given) = given.is_a?(Numeric) && given.real? && given >= 0

    def check(name, given, accepted)
      raise ConfigurationError, "#{name}: #{given.inspect} is not #{accepted}" unless yield given
    end
  end
end
