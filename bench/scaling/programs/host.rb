# frozen_string_literal: true

# A master that forks workers. It passes each line to all of them; each answers with its pid.

settings = JSON.parse(ENV.fetch("SETTINGS"), symbolize_names: true)
prefix = ENV.fetch("PREFIX")
arrivals = []

listen = lambda do
  EtcdDiscovery.on_change(prefix) do |change|
    arrivals << change.value.to_i << Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
  end
end

commands = {
  "reach" => ->(revision) { EtcdDiscovery.wait_for_revision(Integer(revision), timeout: 240) },
  "listen" => ->(_) { listen.call },
  "arrivals" => lambda do |folder|
    File.binwrite(File.join(folder, Process.pid.to_s), arrivals.pack("q*"))
    arrivals.clear
  end
}

# Between two lines a worker sleeps, so that a change costs only what the gem does with it.
work = lambda do |lines|
  EtcdDiscovery.after_fork
  wait_until("the watch", 240) { EtcdDiscovery.status.state == :watching }
  report Process.pid
  while (line = lines.gets)
    command, argument = line.split
    commands.fetch(command).call(argument)
    report Process.pid
  end
  exit!(0)
rescue Exception => e # rubocop:disable Lint/RescueException
  report({ failure: "in a worker: #{e.full_message(highlight: false)}" })
  exit!(1)
end

connect prefix, boot_timeout: 240, **settings
workers = Array.new(Integer(ENV.fetch("WORKERS"))) do
  lines, worker = IO.pipe
  fork do
    worker.close
    work.call(lines)
  end
  lines.close
  worker
end

while (line = hear)
  workers.each { |worker| worker.puts(line) }
end
