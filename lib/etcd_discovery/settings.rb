# frozen_string_literal: true

require_relative "settings/reader"
require_relative "settings/types"
require_relative "settings/rules"
require_relative "settings/field"
require_relative "settings/declaration"
require_relative "settings/layered_keys"
require_relative "settings/text_check"

module EtcdDiscovery
  # Settings declared in code: typed, with defaults, and checked before they are written.
  #
  # Reading one is a typed read of local memory; it never uses the network. A subclass has the fields of its
  # superclass, below its own prefix if it sets one. A value
  # in etcd that has the wrong type or breaks a rule of its field does no harm: the last good value stays in
  # force, and the bad one is reported as described for {Client#json}. If there was no good value, the default
  # is in force.
  #
  # @!method self.prefix(prefix = nil)
  #   Sets the prefix of the keys. Without an argument, returns it.
  #   @param prefix [String, nil] ends with a slash; without one in front it is a prefix of names in layers
  #   @return [String]
  #   @raise [ConfigurationError]
  # @!method self.field(name, type:, default: nil, **rules)
  #   Declares a setting: a reader of this name, and for a boolean a predicate (`fast_lane?`).
  #   @param name [Symbol] also the end of its key
  #   @param type [Symbol] `:string`, `:integer`, `:float`, `:boolean`, `:list`, `:duration` or `:json`
  #   @param default [Object] in force if etcd has no good value; it must follow the rules itself
  #   @param rules [Hash{Symbol => Object}] `in:` (a Range or an Array), `format:` (a Regexp), `validate:` (a
  #     callable that takes the value and returns whether it is good), `validates:` (validations of
  #     ActiveModel), `description:`
  #   @return [Field]
  #   @raise [ConfigurationError] for a wrong declaration
  #
  # @example
  #   class CheckoutSettings < EtcdDiscovery::Settings
  #     prefix "/shop/checkout/"
  #     field :limit, type: :integer, default: 100, in: 1..10_000, description: "orders per minute and worker"
  #     field :fast_lane, type: :boolean, default: false
  #   end
  #
  #   CheckoutSettings.limit       # => 100
  #   CheckoutSettings.fast_lane?  # => false
  #   CheckoutSettings.update(limit: 50, fast_lane: true, by: "ann", note: "the sale starts")
  class Settings
    extend Declaration

    private_class_method :new

    class << self
      # @return [Array<Class>] all loaded classes of settings, in the order of their declaration
      def all
        # A reloaded class replaces the previous one.
        Settings.declared.to_a.reverse.uniq { |one| one.name || one }.reverse
      end

      # @return [Array<Field>] in the order of their declaration
      def fields = own_fields.values

      # @return [Hash{Symbol => Object}] the values in force
      # @raise [UnwatchedKeyError] when the prefix is not watched
      def to_h = own_fields.transform_values { |field| field.read(client) }

      # Writes several settings in one transaction. Every value is checked first; if one is bad, nothing is
      # sent.
      #
      # With a prefix of names in the layers, each value goes to the layer whose value is in force, or to the
      # last layer if none has one. It cannot replace an override ({Client#override}): a value without a lease
      # in its place would never end.
      #
      # @example
      #   CheckoutSettings.update(limit: 50, fast_lane: true, by: "ann", note: "the sale starts")
      # @param by [String, nil] author, for the change log
      # @param note [String, nil] reason, for the change log
      # @param layer [String, nil] the layer to write to, for names in the layers
      # @param values [Hash{Symbol => Object}] by the names of fields; `nil` deletes the key, so that the
      #   default is in force again, or the value of another layer
      # @return [Integer, nil] the revision of the change; `nil` without any value
      # @raise [InvalidValueError] for a value that has the wrong type or breaks a rule of its field
      # @raise [ArgumentError] for an unknown field or layer
      # @raise [InvalidRequestError] for a name that an override of that layer has; nothing was written
      # @raise [ConflictError] for names in the layers that others change without a pause; nothing was written
      # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError]
      # @see Client#transaction
      def update(by: nil, note: nil, layer: nil, **values)
        texts = texts_of(values)
        return write(texts, by:, note:) unless layer || !prefix.start_with?("/")

        LayeredKeys.new(client, layer).in_place_of_names(texts) do |by_key, revisions|
          write(by_key, revisions, by:, note:)
        end
      end

      # The client to read and write: the default client. Override it to use another one.
      #
      # @return [Client, Module] an object that has the typed reads and `transaction`
      def client = EtcdDiscovery

      # @return [String]
      def inspect = own_fields.empty? ? super : "#{name || super}(#{own_fields.keys.join(', ')})"

      # @api private
      # @return [Array<String>] keys of a client whose values were read and break a rule
      def invalid_keys(client)
        fields_of(client).select { |field| field.bad?(client) }.map(&:key).uniq
      end

      # @api private
      # @return [Array<Field>] of the classes that read this client
      def fields_of(client)
        receivers = [client, (EtcdDiscovery if DefaultClient.current.equal?(client))].compact
        all.select { |one| receivers.any? { |receiver| receiver.equal?(one.client) } }.flat_map(&:fields)
      end

      # @api private
      # @return [Field, nil] the declaration of the first of these keys and names of a client that has one
      def field_of(client, *keys)
        fields = fields_of(client).to_h { |field| [field.key.b, field] }
        keys.filter_map { |key| fields[key.b] }.first
      end

      private

      def write(texts, revisions = {}, **why)
        client.transaction(**why) do |transaction|
          revisions.each { |key, revision| transaction.compare(key, revision:) }
          texts.each { |key, text| text.nil? ? transaction.delete(key) : transaction.put(key, text) }
        end
      end

      def texts_of(values)
        values.transform_keys { |name| field_named(name) }
              .to_h { |field, value| [field.key, value.nil? ? nil : field.encode(value)] }
      end

      def field_named(name)
        own_fields.fetch(name) do
          raise ArgumentError, "#{self}: no field #{name.inspect}; there are #{own_fields.keys.join(', ')}"
        end
      end
    end
  end
end
