# frozen_string_literal: true

# unicorn's configuration without preload_app: each worker boots the application, and connects, by itself.

worker_processes Integer(ENV.fetch("WORKERS"))
listen ENV.fetch("LISTEN")
preload_app false

after_fork { |server, _worker| server.listen(File.join(ENV.fetch("WORKER_SOCKETS"), "#{Process.pid}.sock")) }
