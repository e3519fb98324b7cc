# frozen_string_literal: true

# Tests an installed gem: reads, writes, registers and forks with the etcd at ENDPOINT, then checks that no
# library for another Ruby loads.

require "etcd_discovery"
require "securerandom"

def check(what)
  yield or abort "smoke test: #{what} failed on Ruby #{RUBY_VERSION}"
end

key = "/smoke/#{SecureRandom.hex(8)}"
EtcdDiscovery.configure do |config|
  config.endpoints = [ENV.fetch("ENDPOINT")]
  config.watch "/smoke/", "/service/"
end
EtcdDiscovery.start
check("reading a key that is not there") { EtcdDiscovery[key].nil? }

EtcdDiscovery.put(key, "1")
check("seeing a change") { EtcdDiscovery.wait_for(key, timeout: 10) { |value| value == "1" } }
check("a typed read") { EtcdDiscovery.integer(key) == 1 }

registration = EtcdDiscovery.register("smoke", "127.0.0.1:1")
check("a registration") do
  EtcdDiscovery.wait_for(registration.key, timeout: 10)
  EtcdDiscovery.service("smoke").instances.any?
end

child = fork do
  inherited = EtcdDiscovery[key] == "1"
  EtcdDiscovery.put(key, "2")
  exit!(inherited && EtcdDiscovery.wait_for(key, timeout: 10) { |value| value == "2" } ? 0 : 1)
end
_, status = Process.wait2(child)
check("a forked child") { status.success? }
check("seeing the child's change") { EtcdDiscovery.wait_for(key, timeout: 10) { |value| value == "2" } }

EtcdDiscovery.stop

loaded = $LOADED_FEATURES.grep(%r{/etcd_discovery/[\d.]+/etcd_discovery\.\w+\z}).fetch(0)
others = Dir[File.expand_path("../../*/#{File.basename(loaded)}", loaded)] - [loaded]
versions = others.map { |path| path.split("/")[-2] }
others.zip(versions) do |library, version|
  require library
  abort "smoke test: Ruby #{RUBY_VERSION} loads the library for Ruby #{version}"
rescue LoadError => e
  check("the check of #{library} (#{e.message})") { e.message.include?("is built for Ruby #{version}, and") }
end

puts "Ruby #{RUBY_VERSION}: works; refuses the libraries for #{versions.join(' and ')}"
