# frozen_string_literal: true

require_relative "../support/settings"

module Torture
  # What can be done to a run. A fault only breaks; World#heal mends everything at once.
  module Faults
    # Raised by a fault that cannot be had at the moment, such as a leader's end where there is no leader.
    class Impossible < StandardError; end

    @all = {}

    class << self
      attr_reader :all

      def define(name, &break_something) = @all[name] = break_something

      # Whether it could be done.
      def inject(name, world)
        @all.fetch(name).call(world)
        true
      rescue Impossible, Harness::Gateway::Failed, Harness::Etcdctl::Failed, Errno::ESRCH
        false
      end
    end
  end
end
