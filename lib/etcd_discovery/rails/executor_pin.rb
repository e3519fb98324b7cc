# frozen_string_literal: true

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # Pins each run of Rails' executor: a request, a job, an Action Cable action. A nested run belongs to the
    # outer one.
    #
    # @api private
    class ExecutorPin
      # @param client [Client]
      def initialize(client)
        @client = client
      end

      def run = @client.begin_pin

      def complete(pin) = @client.end_pin(pin)
    end
  end
end
