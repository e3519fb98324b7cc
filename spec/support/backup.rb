# frozen_string_literal: true

require "open3"
require_relative "etcdctl"

module Harness
  # etcd's tool for its own backups: etcdutl since 3.6, etcdctl before.
  module Backup
    UTL = ENV.fetch("ETCDUTL_BIN", File.join(File.dirname(Etcdctl::BINARY), "etcdutl"))
    BINARY = File.executable?(UTL) ? UTL : Etcdctl::BINARY

    # Runs without a server.
    def self.tool(*words)
      command = [BINARY, "snapshot", *words]
      out, status = Open3.capture2e({ "ETCDCTL_API" => "3" }, *command)
      status.success? ? out : raise(Etcdctl::Failed, "#{command.join(' ')}: #{status}\n#{out}")
    end
  end
end
