# frozen_string_literal: true

require "monitor"

require_relative "testing/helpers"
require_relative "testing/stub"
require_relative "testing/stubs"

module EtcdDiscovery
  # Keys and values for an application's own tests, without a network.
  #
  # A client that follows etcd leaves it for good at its first stub, and then holds only what tests give it.
  # Everything else works as with etcd: typed reads, snapshots, {Client#on_change}, {Client#wait_for},
  # services. When a method here returns, subscribers have been called.
  #
  # A stub applies to the whole process, because a test and the server that it talks to are often two threads.
  # Several threads may have stubs of different keys at once; two stubs of one key are a {ConflictError}.
  #
  # With RSpec `require "etcd_discovery/rspec"`, with Minitest `require "etcd_discovery/minitest"`. Both undo
  # everything after each test, however the test ended.
  #
  # @example
  #   EtcdDiscovery::Testing.stub("/service/b" => "10.1.1.60:8081", "/flags/checkout" => true) do
  #     EtcdDiscovery["/service/b"]               # => "10.1.1.60:8081"
  #     EtcdDiscovery.boolean("/flags/checkout")  # => true
  #     EtcdDiscovery.put("/flags/checkout", "false")
  #   end
  module Testing
    # Two threads have stubs of the same key.
    class ConflictError < Error; end

    @patience = 5

    class << self
      # @return [Numeric] maximum seconds for subscribers to receive a change; 5
      attr_accessor :patience

      # Gives keys values: while the block runs, or without a block until the end of the test (see {Helpers})
      # or {.reset}.
      #
      # All keys change at one revision. At the end everything that was written meanwhile, by any means, is
      # undone. A value that is not a String is written as in a file of `source`: a Hash or an Array as JSON,
      # anything else as its text. `nil` means that the key does not exist.
      #
      # @example
      #   EtcdDiscovery::Testing.stub("/config/limits" => { upload: 5 }) { upload }
      # @param values [Hash{String => Object}] keys and values; braces may be left out
      # @param client [Client, nil] the default client when not given
      # @yield once, without arguments
      # @return [Object] what the block returns; without a block the stub, whose `close` ends it
      # @raise [UnwatchedKeyError] for a key that the client does not watch: reading it in production would
      #   raise too
      # @raise [ConflictError] for a key that another thread has a stub of
      # @raise [TimeoutError] when subscribers take longer than {.patience}
      def stub(values = {}, client: nil, **more)
        stub = Stubs.open(values.merge(more), client || default_client)
        return stub unless block_given?

        begin
          yield
        ensure
          stub.close
        end
      end

      # Changes keys of a client that has a stub, at one revision.
      #
      # Unlike {Client#put}, it takes several keys, and values that are not Strings.
      #
      # @example
      #   EtcdDiscovery::Testing.set("/db/host" => "10.1.1.60", "/db/port" => 5432, "/db/socket" => nil)
      # @param values [Hash{String => Object}] as for {.stub}
      # @param client [Client, nil] the default client when not given
      # @return [Integer] the revision
      # @raise [Error] without a stub whose end would undo it
      # @raise [UnwatchedKeyError, ConflictError, TimeoutError]
      def set(values = {}, client: nil, **more)
        Stubs.write(values.merge(more), client || default_client)
      end

      # Waits until all blocks of {Client#on_change} have received everything that was written.
      #
      # {.stub} and {.set} do this themselves; call it after {Client#put}.
      #
      # @param timeout [Numeric] maximum seconds to wait
      # @return [void]
      # @raise [TimeoutError] when they take longer
      def settle(timeout: patience)
        return if Dispatcher.settle(timeout)

        raise TimeoutError, "blocks of on_change are still running after #{timeout} s; is one of them " \
                            "waiting for something that the test holds?"
      end

      # Ends all stubs of the process.
      #
      # @return [void]
      def reset
        Stubs.close_all
      end

      # @api private
      # Surrounds a test. Closing it undoes everything that was written and every stub that is left. It takes
      # no client away from etcd.
      def open
        Stubs.open({}, nil)
      end

      private

      def default_client
        return EtcdDiscovery.client if EtcdDiscovery.configured?

        EtcdDiscovery.configure { |config| config.source = Source::MEMORY }
      end
    end
  end
end
