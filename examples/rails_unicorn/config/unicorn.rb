# frozen_string_literal: true

worker_processes Integer(ENV.fetch("WORKERS", "4"))
listen ENV.fetch("LISTEN", "127.0.0.1:8080")
preload_app true

# Workers share one listening socket, and the kernel picks which of them answers. To ask a particular worker,
# as the demo does, each also gets its own socket, named after its pid.
worker_sockets = ENV.fetch("WORKER_SOCKETS", nil)

after_fork do |server, _worker|
  EtcdDiscovery.after_fork
  server.listen(File.join(worker_sockets, "#{Process.pid}.sock")) if worker_sockets
end
