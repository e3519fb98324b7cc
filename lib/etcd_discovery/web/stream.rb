# frozen_string_literal: true

require "digest"
require "json"

module EtcdDiscovery
  class Web
    # The body of a stream of server-sent events: the parts of a page, again whenever they differ from what
    # the browser has.
    #
    # A stream holds a thread of the server, so it ends after a while, and a process has few of them at a
    # time.
    # A server that answers one request at a time, such as unicorn, is never held: it gets one answer, after
    # which the browser asks again within `RETRY`. The browser names the last event that it has seen, so that
    # any worker can go on.
    #
    # @api private
    class Stream
      # Seconds that one stream lasts, between two looks at most, and after a change before the next look.
      LIFETIME = 15.0
      LOOK = 1.0
      PAUSE = 0.3
      # Milliseconds after which the browser asks again.
      RETRY = 1_000
      # Puma has five threads by default.
      MOST = 2

      # How many streams of this process are open.
      class Slots
        def initialize(most)
          @most = most
          @lock = Mutex.new
          @taken = 0
        end

        # @return [Boolean] whether there was a free one, which is taken now
        def take
          @lock.synchronize do
            start_over unless @pid == Process.pid
            @taken < @most && (@taken += 1).positive?
          end
        end

        def free = @lock.synchronize { @taken -= 1 if @pid == Process.pid && @taken.positive? }

        private

        # The streams of a parent are not ours.
        def start_over
          @pid = Process.pid
          @taken = 0
        end
      end

      SLOTS = Slots.new(MOST)
      private_constant :LIFETIME, :LOOK, :PAUSE, :RETRY, :MOST, :SLOTS

      def initialize(page, client, last, lasting:)
        @page = page
        @client = client
        @last = page.counted? ? "" : last
        @held = lasting && SLOTS.take
      end

      # @yieldparam text [String] of events
      def each
        yield "retry: #{RETRY}\n\n"
        deadline = Client.now + LIFETIME
        loop do
          generation = @client.native_generation
          # A comment where nothing has changed: writing it is how a server finds out that the browser has
          # gone.
          yield event || ": \n\n"
          break unless @held && Client.now < deadline

          wait(generation)
        end
      ensure
        close
      end

      # Rack calls this also when the browser has gone.
      def close
        SLOTS.free if @held
        @held = false
      end

      private

      # The id of an event is what the parts depend on, and a digest of them. Where only the first has
      # changed, the browser gets another id and no data.
      def event
        mark = @page.refresh.mark
        before, digest = @last.split(".", 2)
        return if mark && mark == before

        json = JSON.generate(@page.parts)
        found = Digest::SHA256.hexdigest(json)[0, 32]
        # Making the parts may show that they depend on more.
        @last = "#{@page.mark}.#{found}"
        return ("id: #{@last}\n\n" if mark) if found == digest

        "id: #{@last}\ndata: #{json}\n\n"
      rescue Error => e
        "event: trouble\ndata: #{JSON.generate(e.message.dup.force_encoding(Encoding::UTF_8).scrub)}\n\n"
      end

      # So that thousands of changes in a second do not make a stream of pages.
      def wait(generation)
        @client.native_wait_generation(generation, LOOK)
        sleep PAUSE
      end
    end
  end
end
