# frozen_string_literal: true

module EtcdDiscovery
  # What {#pin} does, for code that has no block to wrap.
  class Client
    # @api private
    # @return [Object, nil] what {#end_pin} takes; `nil` within a pin
    def begin_pin = native_pin_enter

    # @api private
    # @param pin [Object, nil] of {#begin_pin}
    def end_pin(pin)
      native_pin_leave(pin) if pin
    end
  end
end
