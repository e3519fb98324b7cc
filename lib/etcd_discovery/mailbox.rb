# frozen_string_literal: true

module EtcdDiscovery
  # What waits for a thread: of bounded length, and usable where no lock may be taken (signal handlers). When
  # it is full, the oldest gives way, and that is counted.
  #
  # @api private
  class Mailbox
    LIMIT = 1_000

    def initialize
      @queue = Thread::Queue.new
      @dropped = 0
    end

    def <<(item)
      drop_oldest if @queue.size >= LIMIT
      @queue << item
      self
    end

    def empty? = @queue.empty? && @dropped.zero?

    # @return [Array] what waited, and how much gave way before it
    def empty_out
      items = []
      items << @queue.pop(true) until @queue.empty?
      dropped = @dropped
      @dropped -= dropped
      [items, dropped]
    end

    private

    def drop_oldest
      @queue.pop(true)
      @dropped += 1
    rescue ThreadError
      nil # emptied meanwhile
    end
  end
end
