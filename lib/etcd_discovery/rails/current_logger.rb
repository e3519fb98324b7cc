# frozen_string_literal: true

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # Looks up `Rails.logger` for each line: an initializer may replace it after the client was created.
    #
    # @api private
    module CurrentLogger
      class << self
        %i[info warn error].each do |level|
          define_method(level) { |message| ::Rails.logger&.public_send(level, message) }
        end
      end
    end
  end
end
