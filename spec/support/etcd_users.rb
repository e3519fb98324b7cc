# frozen_string_literal: true

module Harness
  # Turns on etcd's password authentication: a root, and users who may read or write some prefixes.
  class EtcdUsers
    ROOT = "root:root-secret"

    def initialize(etcd)
      @ctl = etcd.ctl
    end

    # Adds a user who may access `prefix` and nothing else.
    def add(name, password, prefix:, access: "read")
      @ctl.run("role", "add", "#{name}-role")
      grant(name, access, "--prefix=true", prefix)
      @ctl.run("user", "add", "#{name}:#{password}")
      @ctl.run("user", "grant-role", name, "#{name}-role")
      self
    end

    # Adds a permission of the same user, in etcdctl's words: `read KEY`, `read --prefix=true PREFIX`.
    def grant(name, *permission)
      @ctl.run("role", "grant-permission", "#{name}-role", *permission)
      self
    end

    # From now on etcd requires a password. Returns an etcdctl that acts as root.
    def enforce
      @ctl.run("user", "add", ROOT)
      @ctl.run("user", "grant-role", "root", "root")
      @ctl.run("auth", "enable")
      @ctl.with("--user=#{ROOT}")
    end
  end
end
