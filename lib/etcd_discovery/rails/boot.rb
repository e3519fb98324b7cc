# frozen_string_literal: true

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # Starts the client of a server: waits for the first snapshot, so that the first request finds it.
    #
    # The wait is limited. After it the server boots without data, unless the setting `required` forbids that.
    #
    # @api private
    module Boot
      class << self
        def start
          EtcdDiscovery.start
        rescue ConfigurationError
          raise
        rescue Error => e
          raise refusal(e) if EtcdDiscovery.client.config.required

          line = "the server boots without data from etcd; reads return their default, or raise, until it " \
                 "arrives: #{e.message}"
          EtcdDiscovery.client.event_log.write(:error, line, subject: :start)
        end

        private

        def refusal(error)
          message = "#{error.message}; the server does not boot without one, because `required` is set"
          error.class.new(message, endpoint: error.endpoint, key: error.key, revision: error.revision)
        end
      end
    end
  end
end
