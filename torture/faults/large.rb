# frozen_string_literal: true

require_relative "catalogue"
require_relative "../support/bulk"
require_relative "../support/content"

module Torture
  # Changes and values so large that they fill messages and pages. Each shows only later whether the readers
  # follow it: what else is broken in the round meets it on its way.
  module Faults
    LARGE = %i[large_transaction delete_by_prefix revoke_lease expire_lease huge_values].freeze

    define(:large_transaction) { |world| world.bulk.change_at_once }

    define(:delete_by_prefix) do |world|
      bulk = world.bulk
      bulk.load
      bulk.delete_loaded
    end

    define(:revoke_lease) do |world|
      bulk = world.bulk
      bulk.revoke(bulk.load_with_lease)
    end

    # It expires in one of the next rounds.
    define(:expire_lease) { |world| world.bulk.load_with_lease }

    # Half of the time they stay, so that listings have them too.
    define(:huge_values) do |world|
      bulk = world.bulk
      bulk.put_large_values
      bulk.clear(Content::HUGE) if world.random.rand < 0.5
    end
  end
end
