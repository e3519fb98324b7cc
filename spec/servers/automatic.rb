# frozen_string_literal: true

# unicorn's configuration with preload_app, and without a word about the gem: fork alone must be enough.

worker_processes Integer(ENV.fetch("WORKERS"))
listen ENV.fetch("LISTEN")
preload_app true

after_fork { |server, _worker| server.listen(File.join(ENV.fetch("WORKER_SOCKETS"), "#{Process.pid}.sock")) }
