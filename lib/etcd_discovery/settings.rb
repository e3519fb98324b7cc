# frozen_string_literal: true

require_relative "settings/reader"
require_relative "settings/types"
require_relative "settings/rules"
require_relative "settings/field"
require_relative "settings/declaration"

module EtcdDiscovery
  # Settings that are declared in code: typed, with defaults, and checked before they are written.
  #
  # Reading one is a typed read of local memory and some calls of Ruby methods; it never touches the network.
  # A value in etcd that is not of its type, or that breaks a rule of its field, changes nothing: the last
  # good one stays in force, and it is reported as for {Client#json}. Where there was no good one, the default
  # is in force.
  #
  # @!method self.prefix(prefix = nil)
  #   The prefix of the keys; without an argument, tells it.
  #   @param prefix [String, nil] begins and ends with a slash
  #   @return [String]
  #   @raise [ConfigurationError]
  # @!method self.field(name, type:, default: nil, **rules)
  #   Declares a setting: a reader of this name, and for a boolean a predicate (`fast_lane?`).
  #   @param name [Symbol] also the end of its key
  #   @param type [Symbol] `:string`, `:integer`, `:float`, `:boolean`, `:list`, `:duration` or `:json`
  #   @param default [Object] in force where etcd has no good value; it must keep the rules itself
  #   @param rules [Hash{Symbol => Object}] `in:` (a Range or an Array), `format:` (a Regexp), `validate:` (is
  #     called with the value, and returns whether it is good), `validates:` (validations of ActiveModel),
  #     `description:`
  #   @return [Field]
  #   @raise [ConfigurationError] for a declaration that is wrong
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
      # @return [Array<Class>] all classes of settings that are loaded, in the order in which they were
      #   declared
      def all
        # A class that was reloaded replaces the one before.
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
      # @example
      #   CheckoutSettings.update(limit: 50, fast_lane: true, by: "ann", note: "the sale starts")
      # @param by [String, nil] who, for the change log
      # @param note [String, nil] why, for the change log
      # @param values [Hash{Symbol => Object}] by the names of fields; `nil` deletes the key: the default is
      #   in force again
      # @return [Integer, nil] the revision of the change; `nil` without any value
      # @raise [InvalidValueError] for a value that is not of the field's type, or breaks one of its rules
      # @raise [ArgumentError] for a name that is no field
      # @raise [ConnectionError, AuthenticationError, PermissionError, ClosedError, InvalidRequestError]
      # @see Client#transaction
      def update(by: nil, note: nil, **values)
        texts = values.transform_keys { |name| field_named(name) }
                      .to_h { |field, value| [field.key, value.nil? ? nil : field.encode(value)] }
        client.transaction(by:, note:) do |transaction|
          texts.each { |key, text| text.nil? ? transaction.delete(key) : transaction.put(key, text) }
        end
      end

      # What is read and written: the default client. Override it for another one.
      #
      # @return [Client, Module] whatever has the typed reads and `transaction`
      def client = EtcdDiscovery

      # @return [String]
      def inspect = own_fields.empty? ? super : "#{name || super}(#{own_fields.keys.join(', ')})"

      # @api private
      # @return [Array<String>] keys of a client whose values were read, and break a rule
      def invalid_keys(client)
        receivers = [client, (EtcdDiscovery if DefaultClient.current.equal?(client))].compact
        own = all.select { |one| receivers.any? { |receiver| receiver.equal?(one.client) } }
        own.flat_map(&:fields).select { |field| field.bad?(client) }.map(&:key)
      end

      private

      def field_named(name)
        own_fields.fetch(name) do
          raise ArgumentError, "#{self}: no field #{name.inspect}; there are #{own_fields.keys.join(', ')}"
        end
      end
    end
  end
end
