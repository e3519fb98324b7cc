# frozen_string_literal: true

# For a RubyProcess in separate namespaces (`under: RubyProcess::OWN_NETWORK`): a network with only loopback,
# name files that it may write, a name server, and etcds beside it.

require "fileutils"
require "ipaddr"
require "socket"
require "tmpdir"
require_relative "../etcd_server"
require_relative "../wait_until"

system("ip", "link", "set", "lo", "up", exception: true)
NAMES = Dir.mktmpdir("names-")

# A file bound over the system's own is visible only to this process.
%w[hosts resolv.conf].each do |name|
  FileUtils.touch(File.join(NAMES, name))
  system("mount", "--bind", File.join(NAMES, name), "/etc/#{name}", exception: true)
end

def hosts(text) = File.write("/etc/hosts", text)

def resolv_conf(text) = File.write("/etc/resolv.conf", text)

def start_etcd = Harness::EtcdServer.new.start

# A name server on port 53 of 127.0.0.1. It knows the names in `zone`: lists of addresses, or of
# `[priority, port, host]` for services.
def name_server(zone)
  socket = UDPSocket.new.tap { |udp| udp.bind("127.0.0.1", 53) }
  Thread.new do
    loop do
      query, from = socket.recvfrom(2048)
      socket.send(answer(zone, query), 0, from[3], from[1])
    end
  end
end

def answer(zone, query)
  name, finish = name_in(query)
  type = query[finish + 1, 2].unpack1("n")
  data = zone.fetch(name, []).filter_map { |entry| record(entry, type) }
  records = data.map { |bytes| numbered(bytes, type) }
  [head(query, zone.key?(name), data.size), query[12..(finish + 4)], *records].join
end

def head(query, known, count) = query[0, 2] + [0x8180 | (known ? 0 : 3), 1, count, 0, 0].pack("n5")

# As a record of the requested name, for 5 s.
def numbered(bytes, type) = [0xc00c, type, 1, 5, bytes.bytesize].pack("nnnNn") + bytes

# The requested name, and where it ends.
def name_in(query)
  at = 12
  labels = []
  while (size = query.getbyte(at)).positive?
    labels << query[at + 1, size].downcase
    at += size + 1
  end
  [labels.join("."), at]
end

def record(entry, type)
  if entry.is_a?(Array)
    priority, port, host = entry
    labels = host.split(".").sum("".b) { |label| [label.bytesize].pack("C") + label }
    type == 33 ? "#{[priority, 0, port].pack('n3')}#{labels}\0".b : nil
  else
    address = IPAddr.new(entry)
    address.hton if type == (address.ipv6? ? 28 : 1)
  end
end
