# frozen_string_literal: true

require_relative "catalogue"
require_relative "../support/bulk"
require_relative "../support/content"

module Torture
  # Changes and values so large that they fill messages and pages. The other faults of the round hit them
  # while they are being transferred.
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

    # The lease expires in one of the next rounds.
    define(:expire_lease) { |world| world.bulk.load_with_lease }

    # In half of the cases the values stay, so that listings contain them too.
    define(:huge_values) do |world|
      bulk = world.bulk
      bulk.put_large_values
      bulk.clear(Content::HUGE) if world.random.rand < 0.5
    end
  end
end
