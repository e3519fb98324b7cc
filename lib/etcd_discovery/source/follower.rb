# frozen_string_literal: true

module EtcdDiscovery
  module Source
    # The one Ruby thread of a process that checks files for changes.
    #
    # It starts with the first file, and again in a forked child. It polls: a check costs microseconds and
    # works on every file system and for every way to replace a file.
    #
    # @api private
    module Follower
      # Seconds between two checks. A change shows after one or two.
      EVERY = 0.2

      # Weak: a file lives as long as its client.
      @files = WeakList.new
      @lock = Lock.new

      class << self
        def add(file)
          Lock.soon { @lock.synchronize { @files << file } }
          revive
        end

        def remove(file)
          Lock.soon { @lock.synchronize { @files.delete(file) } }
        end

        # Starts the thread if this process should have it and does not.
        #
        # @raise [ResourceExhaustedError] when no thread can be started
        def revive
          return if @files.to_a.empty? || @thread&.alive?

          Lock.soon { @lock.synchronize { start unless @thread&.alive? } }
        end

        private

        def start
          @thread = Threads.start("etcd_discovery source") { follow }
        end

        def follow
          loop do
            sleep EVERY
            @files.to_a.each { |file| look(file) }
            return if over?
          end
        end

        # If one file fails, for example because its logger raises, the others are still followed.
        def look(file)
          file.look
        rescue StandardError
          nil
        end

        def over?
          @lock.synchronize { @thread = nil if @files.to_a.empty? }
          @thread.nil?
        end
      end
    end
  end
end
