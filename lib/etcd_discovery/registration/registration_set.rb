# frozen_string_literal: true

module EtcdDiscovery
  # The registrations of one client that belong to this process.
  #
  # It keeps them from being collected: an application that announces a service and drops the object still
  # wants it announced. There is no lock, because a signal handler may deregister. Each change of a list is
  # one call of Ruby's C code, which no other thread can interrupt.
  #
  # @api private
  class RegistrationSet
    include Enumerable
    include ProcessBound

    # The registrations of all clients. A WeakMap would not do: at the end of the process Ruby may empty it
    # before it calls the finalizer below.
    @all = {}.compare_by_identity

    class << self
      attr_reader :all

      # Runs at the end of the process that made them; a forked child has none.
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

    # A finalizer, because Ruby calls those after every at_exit block. An at_exit block would run too early:
    #
    # - Sinatra's classic style serves, and minitest/autorun runs the tests, inside an at_exit block. Blocks
    #   run in reverse order, so one of this gem would run before the server and end its registrations.
    # - It would also miss registrations made in a later block.
    END_OF_PROCESS = Object.new
    private_constant :END_OF_PROCESS
    ObjectSpace.define_finalizer(END_OF_PROCESS, proc { withdraw_all })
  end
end
