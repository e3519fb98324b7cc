# frozen_string_literal: true

module EtcdDiscovery
  # The registrations of one client that belong to this process. They are kept from the garbage collector:
  # who announces a service and drops the object still wants it announced.
  #
  # @api private
  class OwnRegistrations
    include Enumerable

    @all = WeakList.new

    class << self
      attr_reader :all

      # At the end of the process that made them; a forked child has none.
      def withdraw_all
        Registration.withdraw(all.to_a.flat_map(&:to_a), timeout: Registration::EXIT_PATIENCE)
      rescue Error
        nil
      end
    end

    def initialize
      @list = {}.compare_by_identity
      @lock = Mutex.new
      self.class.all << self
    end

    def <<(registration)
      @lock.synchronize { @list[registration] = true }
      self
    end

    def delete(registration)
      @lock.synchronize { @list.delete(registration) }
    end

    def each(&block)
      @lock.synchronize { @list.keys }.select(&:owned?).each(&block)
    end

    def inspect
      to_a.inspect
    end

    at_exit { withdraw_all }
  end
end
