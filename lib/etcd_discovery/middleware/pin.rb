# frozen_string_literal: true

module EtcdDiscovery
  # Rack middlewares. They do not need the rack gem.
  module Middleware
    # Makes all reads of one request use one revision, so that no change in etcd falls between two of them.
    #
    # Work after the application has answered, such as streaming a body, is not pinned.
    #
    # @example config.ru, or config.middleware.use in Rails
    #   use EtcdDiscovery::Middleware::Pin
    class Pin
      # @param app [#call] the Rack application
      # @param client [Client, nil] the default client when not given
      def initialize(app, client: nil)
        @app = app
        @client = client
      end

      # @param env [Hash] of Rack
      # @return [Array] the application's answer
      def call(env)
        (@client || EtcdDiscovery.client).pin { @app.call(env) }
      end
    end
  end
end
