# frozen_string_literal: true

require_relative "../support/settings"

module Torture
  # The faults. A fault only breaks something; World#heal repairs everything at once.
  module Faults
    # Raised by a fault that is not possible at the moment, such as moving the leader when there is none.
    class Impossible < StandardError; end

    @all = {}

    class << self
      attr_reader :all

      def define(name, &break_something) = @all[name] = break_something

      # @return [Boolean] whether the fault was possible
      def inject(name, world)
        @all.fetch(name).call(world)
        true
      rescue Impossible, Harness::Gateway::Failed, Harness::Etcdctl::Failed, Errno::ESRCH
        false
      end
    end
  end
end
