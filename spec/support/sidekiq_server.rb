# frozen_string_literal: true

require "securerandom"
require_relative "app_server"

module Harness
  # A real Sidekiq with a real Redis. A job asks what other servers are asked over HTTP.
  class SidekiqServer < AppServer
    def initialize(**options)
      @redis_port = FreePort.take
      super(workers: 1, env: { "REDIS_URL" => "redis://127.0.0.1:#{@redis_port}/0" }, **options)
    end

    def start
      @redis = ChildProcess.new("redis-server", "--port", @redis_port.to_s, "--bind", "127.0.0.1",
                                "--save", "", "--appendonly", "no", "--dir", @folder, log:)
      WaitUntil.wait_until("redis to answer") { redis("ping") == "PONG" }
      super
    end

    def worker_pids = [master_pid]

    def get
      job = SecureRandom.hex
      redis("sadd", "queues", "default")
      redis("lpush", "queue:default",
            JSON.generate(class: "AnswerJob", args: [job], jid: job, queue: "default", retry: false))
      JSON.parse(redis("blpop", job, WaitUntil::LIMIT.to_s).lines.last || raise("no job answered\n#{report}"))
    end

    def stop
      super
      @redis&.stop
    end

    private

    def command = ["sidekiq", "-r", "./sidekiq.rb", "-c", "2", "-e", "production"]

    def redis(*words) = IO.popen(["redis-cli", "-p", @redis_port.to_s, *words], err: File::NULL, &:read).chomp
  end
end
