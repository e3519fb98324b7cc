# frozen_string_literal: true

module Bench
  # A reader in its own process, which reports that it is ready, and then its result.
  class RubyReader
    def initialize(code, etcd, count)
      @process = Harness::RubyProcess.new(code, endpoints: [etcd.endpoint], env: { "COUNT" => count.to_s })
      @process.heard
    end

    def pid = @process.pid

    # Starts a reader that waits for it.
    def tell
      @process.tell
      self
    end

    def result = @process.heard(timeout: 600)
  end
end
