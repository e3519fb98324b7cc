# frozen_string_literal: true

# For a RubyProcess in a network of its own, with own_network.rb: three members of etcd, the third of them in
# another network. Two cables lead there: one for the members, one for their clients.
class FarMember
  # By cable.
  PEERS = "10.9.0"
  CLIENTS = "10.8.0"
  MEMBERS = { "m0" => [1, 2_380, 2_379], "m1" => [1, 2_480, 2_479], "m2" => [2, 2_380, 2_379] }.freeze

  def initialize
    @far = spawn("unshare", "--net", "sleep", "600")
    wait_for_network
    [PEERS, CLIENTS].each_with_index { |network, number| cable(network, number) }
    members = MEMBERS.keys.map { |name| start(name) }
    at_exit { [*members, @far].each { |pid| Process.kill(:KILL, pid) } }
    wait_until("a leader") { leader? }
  end

  def endpoints = MEMBERS.keys.map { |name| client_url(name) }

  # Clients reach the third member on, the other members do not.
  def cut_off = run("ip", "link", "set", "near0", "down")

  private

  def run(*command) = system(*command, exception: true)

  def far(*command) = ["nsenter", "-t", @far.to_s, "-n", *command]

  def wait_for_network
    own = File.readlink("/proc/self/ns/net")
    wait_until("another network") { File.readlink("/proc/#{@far}/ns/net") != own }
  end

  def cable(network, number)
    run("ip", "link", "add", "near#{number}", "type", "veth", "peer", "name", "far#{number}", "netns",
        @far.to_s)
    run("ip", "addr", "add", "#{network}.1/24", "dev", "near#{number}")
    run("ip", "link", "set", "near#{number}", "up")
    run(*far("ip", "addr", "add", "#{network}.2/24", "dev", "far#{number}"))
    run(*far("ip", "link", "set", "far#{number}", "up"))
    run(*far("ip", "link", "set", "lo", "up"))
  end

  def peer_url(name) = "http://#{PEERS}.#{MEMBERS[name][0]}:#{MEMBERS[name][1]}"

  def client_url(name) = "http://#{CLIENTS}.#{MEMBERS[name][0]}:#{MEMBERS[name][2]}"

  def start(name)
    cluster = MEMBERS.keys.map { |member| "#{member}=#{peer_url(member)}" }.join(",")
    command = ["etcd", "--name=#{name}", "--data-dir=#{NAMES}/#{name}", "--initial-cluster=#{cluster}",
               "--listen-peer-urls=#{peer_url(name)}", "--initial-advertise-peer-urls=#{peer_url(name)}",
               "--listen-client-urls=#{client_url(name)}", "--advertise-client-urls=#{client_url(name)}",
               "--heartbeat-interval=20", "--election-timeout=200"]
    spawn(*(MEMBERS[name][0] == 2 ? far(*command) : command), %i[out err] => "/dev/null")
  end

  def leader?
    EtcdDiscovery::Client.new(endpoints: [client_url("m2")]).put("/service/b", "1")
  rescue EtcdDiscovery::Error
    nil
  end
end
