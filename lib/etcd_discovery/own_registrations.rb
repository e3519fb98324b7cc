# frozen_string_literal: true

module EtcdDiscovery
  # The registrations of one client that belong to this process. They are kept from the garbage collector:
  # who announces a service and drops the object still wants it announced.
  #
  # @api private
  class OwnRegistrations
    include Enumerable

    # Lists that hold something. A WeakMap would not do: at the end of the process Ruby may empty it before it
    # calls the finalizer below.
    @all = {}.compare_by_identity
    @lock = Mutex.new

    class << self
      def keep(list)
        @lock.synchronize { @all[list] = true }
      end

      def forget(list)
        @lock.synchronize { @all.delete(list) }
      end

      # At the end of the process that made them; a forked child has none.
      def withdraw_all
        withdraw
      rescue ThreadError
        # In a signal handler (puma 5 stops in one), where no lock may be taken: a thread of its own may. The
        # end of the process waits for it, and not the handler.
        in_a_thread
      end

      private

      def withdraw
        lists = @lock.synchronize { @all.keys }
        Registration.withdraw(lists.flat_map(&:to_a), timeout: Registration::EXIT_PATIENCE)
      rescue Error
        nil
      end

      def in_a_thread
        Thread.new { withdraw }
      rescue ThreadError
        nil # there can be none; the end of the process comes too
      end
    end

    def initialize
      @list = {}.compare_by_identity
      @lock = Mutex.new
    end

    def <<(registration)
      @lock.synchronize do
        @list[registration] = true
        self.class.keep(self)
      end
      self
    end

    def delete(registration)
      @lock.synchronize do
        @list.delete(registration)
        self.class.forget(self) if @list.empty?
      end
    end

    def each(&block)
      @lock.synchronize { @list.keys }.select(&:owned?).each(&block)
    end

    def inspect
      to_a.inspect
    end

    # Ruby calls finalizers after every at_exit block. A block of ours would not do: applications of Sinatra's
    # classic style serve, and minitest/autorun runs the tests, in such a block, and the block that was given
    # last runs first. Ours would come before the server, and so end what it has announced; and too early for
    # what is registered in another block.
    END_OF_PROCESS = Object.new
    private_constant :END_OF_PROCESS
    ObjectSpace.define_finalizer(END_OF_PROCESS, proc { withdraw_all })
  end
end
