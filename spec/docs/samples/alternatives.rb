# frozen_string_literal: true

require "active_support"
require "active_support/cache"

# The cache of the reader's application.
module Rails
  def self.cache = @cache ||= ActiveSupport::Cache::MemoryStore.new
end
