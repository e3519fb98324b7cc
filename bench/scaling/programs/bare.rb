# frozen_string_literal: true

# A master that follows etcd, and forks workers that do not. Each ends with the master.

settings = JSON.parse(ENV.fetch("SETTINGS"), symbolize_names: true)
connect ENV.fetch("PREFIX"), boot_timeout: 240, **settings
life, @master = IO.pipe
Integer(ENV.fetch("WORKERS")).times do
  fork do
    @master.close
    report Process.pid
    life.read
  end
end
sleep
