# frozen_string_literal: true

require "monitor"

require_relative "testing/helpers"
require_relative "testing/stub"
require_relative "testing/stubs"

module EtcdDiscovery
  # Keys and values for an application's own tests. No network is touched: a client that follows etcd leaves
  # it for good at its first stub, and holds nothing then but what tests give it.
  #
  # Everything is as with etcd: typed reads, snapshots, {Client#on_change}, {Client#wait_for}, services. When
  # a method here returns, subscribers have been told.
  #
  # A stub holds for the whole process, since a test and the server that it talks to are often two threads.
  # Threads may have stubs at once, of different keys; one key in two of them is a {ConflictError}.
  #
  # With RSpec `require "etcd_discovery/rspec"`, with Minitest `require "etcd_discovery/minitest"`: both undo
  # after each test whatever it did, in whichever way it ended.
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
      # @return [Numeric] seconds that subscribers may take to be told; 5
      attr_accessor :patience

      # Gives keys values: while the block runs; without one until the end of the test (see {Helpers}) or
      # {.reset}. All keys change at one revision. At the end everything that was written meanwhile, by
      # whatever means, is undone.
      #
      # A value that is no String is written as in a file of `source`: a Hash or an Array as its JSON,
      # anything else as its text. `nil` means that there is no such key.
      #
      # @example
      #   EtcdDiscovery::Testing.stub("/config/limits" => { upload: 5 }) { upload }
      # @param values [Hash{String => Object}] keys and values; braces may be left out
      # @param client [Client, nil] the default client when not given
      # @yield once, without arguments
      # @return [Object] what the block gives; without a block the stub, whose `close` ends it
      # @raise [UnwatchedKeyError] for a key that the client does not watch: in production reading it would
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

      # Changes keys of a client that has a stub, at one revision: for what {Client#put} cannot do, which is
      # several keys, and values that are no Strings.
      #
      # @example
      #   EtcdDiscovery::Testing.set("/db/host" => "10.1.1.60", "/db/port" => 5432, "/db/socket" => nil)
      # @param values [Hash{String => Object}] as for {.stub}
      # @param client [Client, nil] the default client when not given
      # @return [Integer] the revision
      # @raise [Error] when there is no stub at whose end it would be undone
      # @raise [UnwatchedKeyError, ConflictError, TimeoutError]
      def set(values = {}, client: nil, **more)
        Stubs.write(values.merge(more), client || default_client)
      end

      # Waits until all blocks of {Client#on_change} have been told of everything that has been written.
      # {.stub} and {.set} do it; after {Client#put} it is for you.
      #
      # @param timeout [Numeric] seconds to wait at most
      # @return [void]
      # @raise [TimeoutError] when they take longer
      def settle(timeout: patience)
        return if Dispatcher.settle(timeout)

        raise TimeoutError, "blocks of on_change are still at work after #{timeout} s; is one of them " \
                            "waiting for something that the test holds?"
      end

      # Ends all stubs of the process, whoever left them behind.
      #
      # @return [void]
      def reset
        Stubs.close_all
      end

      # @api private
      # What a test has around it: everything that is written in it, and every stub that it leaves behind, is
      # undone when this is closed. It takes no client away from etcd.
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
