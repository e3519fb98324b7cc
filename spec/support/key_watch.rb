# frozen_string_literal: true

require "base64"
require "json"
require_relative "talking_process"

module Harness
  # etcdctl's own watch over all keys: an independent record of which key was in etcd at what time.
  class KeyWatch
    # `lease` is 0 for a key without one; `at` is the time by the monotonic clock when etcdctl reported it.
    Event = Struct.new(:type, :key, :value, :lease, :revision, :at)

    OPENING = "/is-the-watch-open/"

    def initialize(ctl)
      @events = []
      command = ctl.command("watch", "--write-out=json", "--prefix", "")
      @process = TalkingProcess.new(*command, env: ctl.environment)
      @reader = Thread.new { loop { take_in(@process.line(timeout: 3_600)) } }
      @reader.report_on_exception = false
      begin_with(ctl)
      Cleanup.add(self)
    end

    # What has happened to a key so far, oldest first.
    def events(key) = @events.dup.select { |event| event.key == key }

    # Waits for an event of a key that the block accepts, among those at `since` or later.
    def await(key, since: 0, timeout: WaitUntil::LIMIT, every: WaitUntil::EVERY)
      WaitUntil.wait_until("etcdctl to see a change of #{key}", timeout:, every:) do
        alive!
        events(key).find { |event| event.at >= since && yield(event) }
      end
    end

    # When this returns, everything written before it has been seen.
    def catch_up(ctl)
      revision = ctl.put("#{OPENING}#{rand(1 << 62)}", "x")
      WaitUntil.wait_until("etcdctl to see revision #{revision}") do
        alive!
        @events.last&.then { |event| event.revision >= revision }
      end
    end

    def close = @reader.kill

    private

    # Waits for a put that it sees: before that it may not be watching yet.
    def begin_with(ctl)
      WaitUntil.wait_until("etcdctl to watch", every: 0.1) do
        alive!
        ctl.put("#{OPENING}#{rand(1 << 62)}", "x")
        @events.any?
      end
    end

    def alive!
      raise "etcdctl watches no more\n#{@process.report}" unless @process.alive?
    end

    def take_in(line)
      at = Harness.now
      JSON.parse(line).fetch("Events").each { |event| @events << read(event, at) }
    end

    def read(event, at)
      kv = event.fetch("kv")
      type = event["type"] == 1 ? :delete : :put
      Event.new(type, Base64.decode64(kv["key"]), Base64.decode64(kv["value"] || ""), kv.fetch("lease", 0),
                kv.fetch("mod_revision"), at)
    end
  end
end
