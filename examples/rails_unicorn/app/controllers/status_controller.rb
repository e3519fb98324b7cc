# frozen_string_literal: true

# How fresh is this worker's copy? `stale` says whether etcd confirmed it lately.
class StatusController < ActionController::API
  def show
    render json: EtcdDiscovery.status.to_h.merge(pid: Process.pid, stale: EtcdDiscovery.stale?)
  end
end
