# frozen_string_literal: true

module EtcdDiscovery
  module Testing
    # All stubs of the process, in the order of their start.
    #
    # @api private
    module Stubs
      # The library's own frames, to find the caller's.
      OWN = File.expand_path("..", __dir__)

      @stubs = []
      @lock = Monitor.new

      class << self
        # @param client [Client, nil] the client to take away from etcd, if it follows etcd
        def open(values, client)
          values = texts(values, client)
          stub = exclusively do
            close_forsaken
            claim(client, values.keys) if client
            Stub.new(caller_place).tap { |made| push(made, client, values) }
          end
          settle_or_close(stub)
        end

        def write(values, client)
          values = texts(values, client)
          revision = exclusively do
            claim(client, values.keys)
            innermost.write(client, values)
          end
          Testing.settle
          revision
        end

        def close(stub)
          exclusively { take_away(stub) if @stubs.include?(stub) }
          Dispatcher.settle(Testing.patience)
        end

        def close_all
          exclusively { take_away(@stubs.last) until @stubs.empty? }
          Dispatcher.settle(Testing.patience)
        end

        private

        def exclusively(&block)
          raise SignalHandlerError if Lock.in_signal_handler?

          @lock.synchronize(&block)
        end

        def texts(values, client)
          given = values.to_h do |key, value|
            raise ArgumentError, "expected keys that are Strings, got #{key.inspect}" unless key.is_a?(String)

            [key, value.nil? ? nil : Source::Content.text(value)]
          end
          client ? Layers.whole(client.config, given) : given
        end

        def push(stub, client, values)
          Fork.clients.each { |one| stub.mark(one) if one.native_offline? }
          @stubs << stub
          stub.write(client, values) if client
        end

        # Makes sure that the client has no etcd, and that no other thread has these keys.
        def claim(client, keys)
          keys.each { |key| client.native_ensure_key_watched(key) }
          refuse_conflict(client, keys)
          return if client.native_offline?

          client.leave_etcd
          @stubs.each { |stub| stub.mark(client) }
        end

        def refuse_conflict(client, keys)
          others.each do |other|
            key = (keys & other.keys(client)).first or next
            raise ConflictError.new(
              "#{key.inspect} already has a stub of another thread (#{other.place}), and a stub applies to " \
              "the whole process; run these tests one after the other, or in separate processes", key:
            )
          end
        end

        def innermost
          @stubs.reverse.find { |stub| stub.thread == Thread.current } || @stubs.last ||
            raise(Error, "no stub is active that would undo this; call Testing.stub first")
        end

        def others
          @stubs.reject { |stub| stub.thread == Thread.current }
        end

        # A thread that has ended cannot end its stubs.
        def close_forsaken
          @stubs.reject { |stub| stub.thread.alive? }.each { |stub| take_away(stub) }
        end

        def take_away(stub)
          later = @stubs.drop(@stubs.index(stub) + 1)
          inner, others = later.partition { |one| one.thread == stub.thread }
          inner.reverse_each { |one| take_away(one) }
          @stubs.delete(stub)
          stub.undo(->(client) { keys_of_others(stub, client) }) do |client, keys|
            others.each { |one| one.adopt(client, stub, keys) }
          end
        end

        def keys_of_others(stub, client)
          @stubs.reject { |one| one.thread == stub.thread }.flat_map { |one| one.keys(client) }
        end

        # A subscriber that never finishes must not leave the stub behind.
        def settle_or_close(stub)
          Testing.settle
          stub
        rescue Error
          close(stub)
          raise
        end

        def caller_place
          place = caller_locations.find { |location| !location.absolute_path.to_s.start_with?(OWN) }
          "#{place&.path}:#{place&.lineno}"
        end
      end
    end
  end
end
