# frozen_string_literal: true

# Many clients in one process, each with its own connection and watch. Answers each line with its pid.

clients = Array.new(Integer(ENV.fetch("CLIENTS"))) do
  EtcdDiscovery::Client.new(endpoints:, watch: [ENV.fetch("PREFIX")], boot_timeout: 120)
end
clients.each(&:start)
clients.each { |client| wait_until("the watch", 120) { client.status.state == :watching } }
report Process.pid

while (line = hear)
  command, argument = line.split
  raise "unknown command: #{command}" unless command == "reach"

  clients.each { |client| client.wait_for_revision(Integer(argument), timeout: 240) }
  report Process.pid
end
