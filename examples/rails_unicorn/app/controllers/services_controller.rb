# frozen_string_literal: true

# Where is service b? Answered from this worker's own memory: no network, no I/O.
class ServicesController < ActionController::API
  def show
    render json: { pid: Process.pid, key: "/service/b", value: EtcdDiscovery["/service/b"] }
  end
end
