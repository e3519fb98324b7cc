# frozen_string_literal: true

# unicorn's configuration for an application that registers itself. The master does so before its first
# worker, so that the registration lasts as long as any worker serves.

worker_processes Integer(ENV.fetch("WORKERS"))
listen ENV.fetch("LISTEN")
preload_app true

# Called for each worker, and again for each after HUP, which reads this file again.
before_fork do |_server, _worker|
  registered = EtcdDiscovery.client.registrations.any?
  EtcdDiscovery.register("b", ENV.fetch("LISTEN"), id: "one", ttl: 10) unless registered
end

after_fork do |server, _worker|
  EtcdDiscovery.after_fork
  server.listen(File.join(ENV.fetch("WORKER_SOCKETS"), "#{Process.pid}.sock"))
end
