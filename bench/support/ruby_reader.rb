# frozen_string_literal: true

module Bench
  # A reader in a process of its own, which says when it is ready, and then its result.
  class RubyReader
    def initialize(code, etcd, count)
      @process = Harness::RubyProcess.new(code, endpoints: [etcd.endpoint], env: { "COUNT" => count.to_s })
      @process.heard
    end

    def pid = @process.pid

    # For one that waits to be told to begin.
    def tell
      @process.tell
      self
    end

    def result = @process.heard(timeout: 600)
  end
end
