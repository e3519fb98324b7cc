# frozen_string_literal: true

require "etcd_discovery"
require "json"
require_relative "window"

# What every server of the specs runs: an application that tells how the gem fares in the process that
# answers. By HTTP that is whichever process the server picks; by its Window any process can be asked.
module Application
  KEY = "/service/b"
  @told = []

  class << self
    # As an initializer does: in the master with preloading, in each worker without. With LAZY set, nothing
    # here or later touches etcd: whether there is a copy is then for the server's plugin to see to.
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

      { pid: Process.pid, value: EtcdDiscovery[KEY], told:, busy: @busy,
        snapshot: EtcdDiscovery.snapshot.revision, owned: @registration.owned?,
        registration: @registration.to_h }.merge(EtcdDiscovery.status.to_h)
    end

    private

    def begin_work
      EtcdDiscovery.start
      EtcdDiscovery.on_change(KEY) { |change| @told << [Process.pid, change.value] }
      @registration = EtcdDiscovery.register("booted", "127.0.0.1:1", id: Process.pid.to_s, ttl: 60)
      @registration.wait(timeout: 30)
    end

    # A request that lasts until the spec says so.
    def wait_until_released
      @busy = true
      sleep 0.05 until EtcdDiscovery["/service/released"]
      @busy = false
    end

    # What on_change has told in this process; what a parent was told before the fork is not ours.
    def told = @told.select { |pid, _| pid == Process.pid }.map(&:last)
  end
end
