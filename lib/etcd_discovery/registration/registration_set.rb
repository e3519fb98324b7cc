# frozen_string_literal: true

module EtcdDiscovery
  # The registrations of one client that belong to this process. They are kept from the garbage collector:
  # who announces a service and drops the object still wants it announced.
  #
  # No lock anywhere: a signal handler may deregister, and each change of a list is one call of Ruby's C code,
  # which no other thread can come between.
  #
  # @api private
  class RegistrationSet
    include Enumerable
    include ProcessBound

    # Those of all clients. A WeakMap would not do: at the end of the process Ruby may empty it before it
    # calls the finalizer below.
    @all = {}.compare_by_identity

    class << self
      attr_reader :all

      # At the end of the process that made them; a forked child has none.
      def withdraw_all
        Registration.withdraw(all.keys.select(&:owned?), timeout: Registration::EXIT_PATIENCE)
      rescue Error
        nil
      end
    end

    def initialize
      @list = {}.compare_by_identity
    end

    def <<(registration)
      @list[registration] = self.class.all[registration] = true
      self
    end

    def delete(registration)
      @list.delete(registration)
      self.class.all.delete(registration)
    end

    def each(&block)
      @list.keys.select(&:owned?).each(&block)
    end

    def inspect
      to_a.inspect
    end

    def to_json_safe = to_a

    # Ruby calls finalizers after every at_exit block. A block of ours would not do: applications of Sinatra's
    # classic style serve, and minitest/autorun runs the tests, in such a block, and the block that was given
    # last runs first. Ours would come before the server, and so end what it has announced; and too early for
    # what is registered in another block.
    END_OF_PROCESS = Object.new
    private_constant :END_OF_PROCESS
    ObjectSpace.define_finalizer(END_OF_PROCESS, proc { withdraw_all })
  end
end
