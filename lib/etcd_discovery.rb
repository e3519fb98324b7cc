# frozen_string_literal: true

if defined?(EtcdDiscovery::Host) || (defined?(Gem) && Gem.loaded_specs.key?("etcd-discovery"))
  raise LoadError, "the gem etcd-discovery (with a hyphen, for etcd's v2 API) is loaded too, and defines " \
                   "the same constant as etcd_discovery: remove one of the two from the Gemfile"
end

require_relative "etcd_discovery/version"
require_relative "etcd_discovery/errors"
require_relative "etcd_discovery/support/native_library"
EtcdDiscovery::NativeLibrary.load
require_relative "etcd_discovery/client/absent"
require_relative "etcd_discovery/support/clock"
require_relative "etcd_discovery/support/escape"
require_relative "etcd_discovery/support/lock"
require_relative "etcd_discovery/support/json_safe"
require_relative "etcd_discovery/support/process_bound"
require_relative "etcd_discovery/support/resident_memory"
require_relative "etcd_discovery/configuration"
require_relative "etcd_discovery/snapshot"
require_relative "etcd_discovery/status"
require_relative "etcd_discovery/change"
require_relative "etcd_discovery/support/weak_list"
require_relative "etcd_discovery/support/threads"
require_relative "etcd_discovery/support/background_thread"
require_relative "etcd_discovery/subscriptions/change_feed"
require_relative "etcd_discovery/subscriptions/dispatcher"
require_relative "etcd_discovery/support/safe_callback"
require_relative "etcd_discovery/subscription"
require_relative "etcd_discovery/event"
require_relative "etcd_discovery/events/event_type"
require_relative "etcd_discovery/event_subscription"
require_relative "etcd_discovery/events/event_types"
require_relative "etcd_discovery/events"
require_relative "etcd_discovery/client/fork"
require_relative "etcd_discovery/instance"
require_relative "etcd_discovery/formats"
require_relative "etcd_discovery/registration"
require_relative "etcd_discovery/registration/liveness_probe"
require_relative "etcd_discovery/registration/registration_set"
require_relative "etcd_discovery/service"
require_relative "etcd_discovery/client/services"
require_relative "etcd_discovery/source"
require_relative "etcd_discovery/transaction"
require_relative "etcd_discovery/change_log/log"
require_relative "etcd_discovery/history_entry"
require_relative "etcd_discovery/difference"
require_relative "etcd_discovery/explanation"
require_relative "etcd_discovery/layers"
require_relative "etcd_discovery/history/content"
require_relative "etcd_discovery/history/record"
require_relative "etcd_discovery/history/rollback"
require_relative "etcd_discovery/client"
require_relative "etcd_discovery/client/changes"
require_relative "etcd_discovery/client/events"
require_relative "etcd_discovery/client/history"
require_relative "etcd_discovery/client/layers"
require_relative "etcd_discovery/client/native"
require_relative "etcd_discovery/client/pins"
require_relative "etcd_discovery/client/writes"
require_relative "etcd_discovery/fleet"
require_relative "etcd_discovery/client/membership"
require_relative "etcd_discovery/middleware/pin"
require_relative "etcd_discovery/metrics"
require_relative "etcd_discovery/health"
require_relative "etcd_discovery/rails/rails_loading"
require_relative "etcd_discovery/client/default_client"
require_relative "etcd_discovery/settings"

# A live copy of etcd keys in the memory of every Ruby process.
#
# @example
#   EtcdDiscovery.configure do |config|
#     config.endpoints = %w[http://10.0.0.1:2379]
#     config.watch "/service/"
#   end
#
#   EtcdDiscovery["/service/b"]  # => "10.1.1.60:8081"
#
# @!method self.[](key)
#   Reads a key from the default client. Costs as much as a Hash lookup.
#   @param key [String]
#   @return [String, nil]
#   @raise [UnwatchedKeyError] outside every watched range
#   @see Client#[]
# @!method self.json(key, default = nil)
#   @return [Object, nil]
#   @see Client#json
# @!method self.integer(key, default = nil)
#   @return [Integer, Object, nil]
#   @see Client#integer
# @!method self.float(key, default = nil)
#   @return [Float, Object, nil]
#   @see Client#float
# @!method self.boolean(key, default = nil)
#   @return [Boolean, Object, nil]
#   @see Client#boolean
# @!method self.list(key, default = nil)
#   @return [Array<String>, Object, nil]
#   @see Client#list
# @!method self.duration(key, default = nil)
#   @return [Float, Object, nil] seconds
#   @see Client#duration
# @!method self.native_default=(client)
#   @api private
module EtcdDiscovery
  # Loaded on demand, so that only tests pay for it.
  autoload :Testing, File.expand_path("etcd_discovery/testing", __dir__)
  # Only who mounts it pays for it, and has rack.
  autoload :Web, File.expand_path("etcd_discovery/web", __dir__)

  class << self
    # Sets up the default client. Connects nothing; {.start} or the first read does that.
    #
    # A second call replaces the default client and stops the former one. Subscriptions ({.on_change})
    # continue with the new client and receive the differences. Registrations of the former client are
    # deregistered, and its {Service}s no longer update.
    #
    # @yieldparam config [Configuration]
    # @return [Client] the default client
    # @raise [ConfigurationError] for a wrong setting; the message names it and what is accepted
    def configure(&block)
      DefaultClient.configure(&block)
    end

    # @return [Client] the default client; if none is configured, from the environment and Rails' settings
    # @raise [ConfigurationError] when those settings are not enough
    def client
      DefaultClient.get
    end

    # @api private
    # @return [Boolean] whether there is a default client, or settings that define something to watch
    # @raise [ConfigurationError] for a wrong setting
    def configured?
      DefaultClient.configured?
    end

    # Starts the default client and waits for its first complete snapshot.
    #
    # @param timeout [Numeric, nil] maximum seconds to wait; `boot_timeout` when not given
    # @return [Client]
    # @raise [ConnectionError, AuthenticationError, PermissionError] when no snapshot arrives in time
    # @see Client#start
    def start(timeout: nil)
      timeout ? client.start(timeout:) : client.start
    end

    # Closes the default client's connections. The last snapshot stays readable.
    #
    # @return [void]
    def stop
      DefaultClient.stop
    end

    # Called from unicorn's `after_fork`. Also happens automatically; calling both does no harm.
    #
    # @example config/unicorn.rb
    #   after_fork { |_server, _worker| EtcdDiscovery.after_fork }
    # @return [void]
    def after_fork
      Fork.resume
    end

    # @return [Boolean] whether there is a snapshot to read from
    def ready?
      DefaultClient.current ? DefaultClient.current.ready? : false
    end

    # @param key [String]
    # @param default [Object]
    # @return [String, Object]
    # @raise [KeyError] when the key does not exist, without default and block
    # @see Client#fetch
    def fetch(key, *default, &block)
      client.fetch(key, *default, &block)
    end

    # @param key [String]
    # @return [Boolean]
    # @raise [UnwatchedKeyError] outside every watched range
    def key?(key)
      client.key?(key)
    end

    # @return [Snapshot] all watched keys at one revision
    def snapshot
      client.snapshot
    end

    # Makes all reads of the default client in the block use one revision.
    #
    # @example Two keys that belong together
    #   EtcdDiscovery.pin { [EtcdDiscovery["/db/host"], EtcdDiscovery["/db/password"]] }
    # @yield once, without arguments
    # @return [Object] what the block returns
    # @see Client#pin
    # @see Middleware::Pin
    def pin(&block)
      client.pin(&block)
    end

    # Calls the block for each change of a key, or of any key under a prefix.
    #
    # @param target [String] a key, or a prefix that ends in `/`; `""` is everything
    # @param initial [Boolean] whether to start with the existing values
    # @yieldparam change [Change]
    # @return [Subscription]
    # @see Client#on_change
    def on_change(target, initial: false, &block)
      client.on_change(target, initial:, &block)
    end

    # Calls the block for each event of the default client with one of the given names.
    #
    # @example
    #   EtcdDiscovery.subscribe(:stale) { |event| pager.call("the data is #{event[:age]} s old") }
    # @overload subscribe(*names)
    #   @param names [Array<Symbol>] as in {EventType::ALL}; without any, all events
    #   @yieldparam event [Event]
    #   @return [EventSubscription]
    #   @raise [ArgumentError] for an unknown name
    # @see Client#subscribe
    def subscribe(...)
      client.subscribe(...)
    end

    # Sets a wrapper around each block that the gem calls on its own thread.
    #
    # These are the blocks of {.on_change}, {.subscribe} and `register(liveness:)`. In Rails the wrapper is
    # the application's reloader, which includes the executor, so that a block returns its database
    # connection. A second call replaces the first.
    #
    # @example
    #   EtcdDiscovery.around_callbacks { |callback| Application.with_connection { callback.call } }
    # @yieldparam callback [Proc] call it once, without arguments
    # @return [void]
    # @raise [ArgumentError] without a block
    def around_callbacks(&block)
      raise ArgumentError, "around_callbacks needs a block" unless block

      SafeCallback.around = block
    end

    # Waits until a key exists, or until the block accepts its value.
    #
    # @param key [String]
    # @param timeout [Numeric] maximum seconds to wait
    # @yieldparam value [String, nil]
    # @return [String, nil] the value
    # @raise [TimeoutError] when that does not happen in time
    # @see Client#wait_for
    def wait_for(key, timeout:, &block)
      client.wait_for(key, timeout:, &block)
    end

    # Waits until the local copy has reached a revision.
    #
    # @param revision [Integer]
    # @param timeout [Numeric] maximum seconds to wait
    # @return [Integer] the revision of the local copy
    # @raise [TimeoutError] when that does not happen in time
    # @see Client#wait_for_revision
    def wait_for_revision(revision, timeout:)
      client.wait_for_revision(revision, timeout:)
    end

    # @param key [String]
    # @param value [String]
    # @param options [Hash{Symbol => Object}] `if_revision:`, `by:`, `note:`; see {Client#put}
    # @return [Integer, nil] the revision of the change; `nil` when the key has changed since `if_revision`
    # @see Client#put
    def put(key, value, **options)
      client.put(key, value, **options)
    end

    # @param key [String]
    # @param options [Hash{Symbol => Object}] `if_revision:`, `by:`, `note:`; see {Client#delete}
    # @return [Integer, nil] the revision of the change; `nil` when the key has changed since `if_revision`
    # @see Client#delete
    def delete(key, **options)
      client.delete(key, **options)
    end

    # @param key [String]
    # @param expected [String, nil] `nil`: the key must not exist
    # @param value [String]
    # @param options [Hash{Symbol => Object}] `by:`, `note:`; see {Client#compare_and_set}
    # @return [Integer, nil] the revision of the change; `nil` when the key has another value
    # @see Client#compare_and_set
    def compare_and_set(key, expected, value, **options)
      client.compare_and_set(key, expected, value, **options)
    end

    # Writes several keys at one revision, or none of them.
    #
    # @example
    #   EtcdDiscovery.transaction(by: "ann", note: "new database") do |t|
    #     t.compare "/db/host", value: "10.1.1.60"
    #     t.put "/db/host", "10.1.1.61"
    #     t.delete "/db/socket"
    #   end
    # @param why [Hash{Symbol => String}] `by:` and `note:`, for the change log
    # @yieldparam transaction [Transaction]
    # @return [Integer, nil] the revision of the change; `nil` when the block added nothing
    # @raise [ConflictError] when a comparison failed: nothing was written
    # @see Client#transaction
    def transaction(**why, &block)
      client.transaction(**why, &block)
    end

    # The changes of a key, including deletions; with `change_log` also who made them.
    #
    # @param key [String]
    # @param limit [Integer] how many of the newest changes to return
    # @return [Array<HistoryEntry>] the newest first
    # @see Client#history
    def history(key, limit: 100)
      client.history(key, limit:)
    end

    # @example
    #   EtcdDiscovery.at(4711)["/config/limit"]  # => "100"
    # @param revision [Integer]
    # @return [Snapshot] all watched keys at that revision
    # @raise [CompactedError] when etcd has compacted the revision
    # @see Client#at
    def at(revision)
      client.at(revision)
    end

    # @param target [String, nil] a key, or a prefix that ends in `/`; everything watched when not given
    # @param from [Integer] revision
    # @param to [Integer, nil] revision; the current one when not given
    # @return [Array<Difference>] the differences between two revisions, in key order
    # @raise [CompactedError] when etcd has compacted one of them
    # @see Client#diff
    def diff(target = nil, from:, to: nil)
      client.diff(target, from:, to:)
    end

    # Sets a key, or all keys under a prefix, back to their state at a revision.
    #
    # @param target [String] a key, or a prefix that ends in `/`
    # @param to [Integer] revision
    # @param why [Hash{Symbol => String}] `by:` and `note:`, for the change log
    # @return [Integer, nil] the revision of the change; `nil` when nothing differs
    # @raise [CompactedError] when etcd has compacted the revision
    # @raise [ConflictError] when one of the keys changed meanwhile: nothing was written
    # @see Client#rollback
    def rollback(target, to:, **why)
      client.rollback(target, to:, **why)
    end

    # Announces an instance of a service with the default client.
    #
    # @example
    #   EtcdDiscovery.register("b", "10.1.1.60:8081", id: "web-1", ttl: 10)
    # @param service [String]
    # @param address [String]
    # @param options [Hash{Symbol => Object}] see {Client::Services#register}
    # @return [Registration]
    # @raise [ConfigurationError] for a wrong argument
    # @see Client::Services#register
    def register(service, address, **options)
      client.register(service, address, **options)
    end

    # @example
    #   EtcdDiscovery.service("b").with { |instance| Net::HTTP.get(URI("http://#{instance}/")) }
    # @param name [String]
    # @param options [Hash{Symbol => Object}] see {Service#initialize}
    # @return [Service] the instances of a service, as the default client sees them
    # @see Client::Services#service
    def service(name, **options)
      client.service(name, **options)
    end

    # @return [Status]
    def status
      client.status
    end

    # @return [Boolean] whether etcd has confirmed the data within `max_staleness`
    # @see Client#healthy?
    def healthy?
      client.healthy?
    end

    # @return [Boolean] whether etcd has not confirmed the data for longer than `max_staleness`
    def stale?
      client.stale?
    end
  end
end

EtcdDiscovery::RailsLoading.begin
