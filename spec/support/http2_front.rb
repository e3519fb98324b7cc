# frozen_string_literal: true

require_relative "haproxy"

module Harness
  # HAProxy that speaks HTTP/2 to its clients, and HTTP/1 to etcd.
  class HTTP2Front < HAProxy
    def initialize(etcd)
      super(etcd, mode: "http")
    end

    private

    def http2 = ["proto h2", ""]
  end
end
