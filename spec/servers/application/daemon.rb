# frozen_string_literal: true

require_relative "application"

Application.boot
Process.daemon(true, true)
Application.open_window # Process.daemon bypasses Process._fork
sleep 0.2 while File.directory?(ENV.fetch("WORKER_SOCKETS")) # also ends when the spec has ended
