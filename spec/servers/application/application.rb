# frozen_string_literal: true

require "etcd_discovery"
require "json"
require_relative "window"

# The application that every server of the specs runs. It reports the gem's state in the process that answers.
# Over HTTP the server picks that process; through its Window a spec can ask any process.
module Application
  KEY = "/service/b"
  @received = []

  class << self
    # Like an initializer: in the master with preloading, in each worker without. With LAZY set, nothing here
    # or later uses etcd, so that only the server's plugin can load a copy.
    def boot
      EtcdDiscovery.configure do |config|
        config.endpoints = ENV.fetch("ETCD_ENDPOINTS").split(",")
        config.watch "/service/"
      end
      begin_work unless ENV["LAZY"]
      open_window
    end

    def open_window = Window.open { JSON.generate(answer) }

    def call(env)
      wait_until_released if env["PATH_INFO"] == "/until/released"
      [200, { "content-type" => "application/json" }, [JSON.generate(answer)]]
    end

    def answer
      return { pid: Process.pid, ready: EtcdDiscovery.ready? } unless @registration

      { pid: Process.pid, value: EtcdDiscovery[KEY], received:, busy: @busy,
        snapshot: EtcdDiscovery.snapshot.revision, owned: @registration.owned?,
        registration: @registration.to_h }.merge(EtcdDiscovery.status.to_h)
    end

    private

    def begin_work
      EtcdDiscovery.start
      EtcdDiscovery.on_change(KEY) { |change| @received << [Process.pid, change.value] }
      @registration = EtcdDiscovery.register("booted", "127.0.0.1:1", id: Process.pid.to_s, ttl: 60)
      @registration.wait(timeout: 30)
    end

    # A request that lasts until the spec releases it.
    def wait_until_released
      @busy = true
      sleep 0.05 until EtcdDiscovery["/service/released"]
      @busy = false
    end

    # The changes that on_change delivered in this process, without the parent's from before the fork.
    def received = @received.select { |pid, _| pid == Process.pid }.map(&:last)
  end
end
