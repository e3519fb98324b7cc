# frozen_string_literal: true

module EtcdDiscovery
  module Testing
    # The methods for tests: included in RSpec by `require "etcd_discovery/rspec"`, in Minitest by {Minitest}.
    module Helpers
      # @example
      #   before { stub_etcd("/flags/checkout" => "on") }
      # @param values [Hash{String => Object}]
      # @param options [Hash] `client:`, and keys and values without braces
      # @yield once, without arguments
      # @return [Object] what the block returns
      # @see Testing.stub
      def stub_etcd(values = {}, **options, &block)
        Testing.stub(values, **options, &block)
      end

      # @example
      #   set_etcd("/flags/checkout" => "off")
      # @param values [Hash{String => Object}]
      # @param options [Hash] `client:`, and keys and values without braces
      # @return [Integer] the revision
      # @see Testing.set
      def set_etcd(values = {}, **options)
        Testing.set(values, **options)
      end
    end
  end
end
