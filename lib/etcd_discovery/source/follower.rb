# frozen_string_literal: true

module EtcdDiscovery
  module Source
    # The one Ruby thread of a process that looks whether files have changed. It begins with the first file,
    # and again in a forked child.
    #
    # It polls: a look costs microseconds, and works on every file system and for every way to replace a file.
    #
    # @api private
    module Follower
      # Seconds between two looks; a change shows after one or two.
      EVERY = 0.2

      # A file lives for as long as its client.
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

        # Starts the thread if this process should have it and has not.
        #
        # @raise [ResourceExhaustedError] when the system gives no thread
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

        # Whatever goes wrong with one file, such as a logger that raises: the others are followed.
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
