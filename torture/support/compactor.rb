# frozen_string_literal: true

module Torture
  # Takes away all history ten times a second, up to what the recorder has seen.
  class Compactor
    EVERY = 0.1

    attr_reader :count

    def initialize(gateway, &revision)
      @gateway = gateway
      @revision = revision
      @count = 0
    end

    def start
      return if @thread

      @thread = Thread.new { compact until @ended }
    end

    def stop
      @ended = true
      @thread&.join
      @thread = nil
      @ended = false
    end

    private

    def compact
      @gateway.compact(@revision.call)
      @count += 1
    rescue Harness::Gateway::Failed
      nil
    ensure
      sleep EVERY
    end
  end
end
