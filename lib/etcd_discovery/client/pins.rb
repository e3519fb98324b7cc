# frozen_string_literal: true

module EtcdDiscovery
  # Begins and ends a {#pin}, for code that has no block to wrap.
  class Client
    # @api private
    # @return [Object, nil] the argument for {#end_pin}; `nil` within a pin
    def begin_pin = native_pin_enter

    # @api private
    # @param pin [Object, nil] the result of {#begin_pin}
    def end_pin(pin)
      native_pin_leave(pin) if pin
    end
  end
end
