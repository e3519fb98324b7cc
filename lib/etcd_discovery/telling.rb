# frozen_string_literal: true

module EtcdDiscovery
  # Calling an application's block. What it raises is its own affair: it is logged, and the next call and the
  # next subscriber come.
  #
  # @api private
  module Telling
    class << self
      # What runs around each call of a block, given the call; `nil` for nothing.
      attr_accessor :around

      def call(block, *arguments)
        around ? around.call(-> { block.call(*arguments) }) : block.call(*arguments)
      end
    end

    private

    # @param what [String] what failed, should it fail
    def tell(what, news)
      Telling.call(@block, news)
    rescue StandardError, ScriptError, NoMemoryError, SystemStackError => e
      report(what, e)
    end

    def report(what, error)
      @client.config.logger&.error("etcd_discovery: #{what}: #{error.class}: #{error.message}")
    rescue StandardError
      nil
    end
  end
end
