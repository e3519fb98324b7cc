# frozen_string_literal: true

require_relative "../etcd_discovery"

module EtcdDiscovery
  module Testing
    # `stub_etcd` and `set_etcd` for Minitest, and so for Rails' own tests.
    #
    # Everything that a test or its `setup` did is undone at the end of the test.
    #
    # @example test/test_helper.rb
    #   require "etcd_discovery/minitest"
    #
    #   class ActiveSupport::TestCase
    #     include EtcdDiscovery::Testing::Minitest
    #   end
    module Minitest
      include Helpers

      # @api private
      def before_setup
        @etcd_discovery = Testing.open
        super
      end

      # @api private
      def after_teardown
        super
      ensure
        @etcd_discovery&.close
      end
    end
  end
end
