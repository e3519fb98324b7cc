# frozen_string_literal: true

module EtcdDiscovery
  class Railtie < ::Rails::Railtie
    # `Rails.logger` as it is at each line: an initializer may replace it after the client was made.
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
