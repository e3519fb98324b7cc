# frozen_string_literal: true

require "active_support"
require "active_support/cache"

# The cache of the reader's application.
module Rails
  def self.cache = @cache ||= ActiveSupport::Cache::MemoryStore.new
end

Rails.cache.write("checkout/limit", "50")
Rails.cache.write("checkout/fast_lane", true)
connect "/shop/"
