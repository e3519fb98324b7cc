# frozen_string_literal: true

require "base64"
require "json"
require "open3"

module Harness
  # etcd's own command-line client. In the specs it writes keys, and its answers are compared with the gem's.
  class Etcdctl
    class Failed < StandardError; end

    BINARY = ENV.fetch("ETCDCTL_BIN", "etcdctl")
    # Enough for one transaction of 10,000 operations; etcdctl's own default is 5 s.
    TIME_LIMIT = "--command-timeout=60s"

    # `flags` are etcdctl's connection flags: `--endpoints`, `--cacert`, `--user`.
    def initialize(*flags)
      @flags = flags
    end

    def with(*flags) = Etcdctl.new(*@flags, *flags)

    def run(*args, stdin: "")
      out, err, status = Open3.capture3(environment, *command(TIME_LIMIT, *args), stdin_data: stdin,
                                                                                  binmode: true)
      return out if status.success?

      raise Failed, "etcdctl #{args.join(' ')[0, 200]}: #{status}\n#{out}#{err}"
    end

    # For a caller that runs it in the background: a watch has no end.
    def command(*args) = [BINARY, *@flags, *args]

    # etcdctl settings in the environment of the spec run must not point to another etcd.
    def environment
      ENV.keys.grep(/\AETCDCTL_/).to_h { |name| [name, nil] }.merge("ETCDCTL_API" => "3")
    end

    # Passes the value on standard input: an argument can hold neither a NUL byte nor a megabyte. Only an
    # empty value must be an argument. Returns the revision.
    def put(key, value, *flags)
      empty = [value] if value.empty?
      revision(run("put", *flags, "--write-out=json", "--", key, *empty, stdin: value))
    end

    def delete(key, *flags) = revision(run("del", *flags, "--write-out=json", "--", key))

    # `{ key => value }`, in BINARY.
    def read(key, *flags)
      kvs = JSON.parse(run("get", *flags, "--write-out=json", "--", key))["kvs"] || []
      kvs.to_h { |kv| [Base64.decode64(kv["key"]), Base64.decode64(kv["value"] || "")] }
    end

    def get(key) = read(key)[key.b]

    def read_prefix(prefix) = read(prefix, "--prefix")

    # The lease of a key, or 0.
    def lease_of(key) = record_of(key).fetch("lease", 0)

    # The revision of a key's last put.
    def mod_revision_of(key) = record_of(key).fetch("mod_revision")

    # How many seconds etcd keeps a lease without renewals.
    def granted_ttl(lease)
      JSON.parse(run("lease", "timetolive", lease.to_s(16), "--write-out=json")).fetch("granted-ttl")
    end

    def leases = JSON.parse(run("lease", "list", "--write-out=json"))["leases"] || []

    def revoke(lease) = run("lease", "revoke", lease.to_s(16))

    # All operations in one transaction: `[[:put, key, value], [:del, key]]`. Returns the revision.
    def transaction(*operations)
      lines = operations.map { |name, *words| [name, *words.map { |word| quote(word) }].join(" ") }
      revision(run("txn", "--write-out=json", stdin: "\n#{lines.join("\n")}\n\n\n"))
    end

    def compact(revision) = run("compact", "--physical", revision.to_s)

    def current_revision = revision(run("get", "--write-out=json", "--limit=1", "--keys-only", "any"))

    private

    def record_of(key) = JSON.parse(run("get", "--write-out=json", "--", key)).fetch("kvs").first

    def revision(json) = JSON.parse(json).fetch("header").fetch("revision")

    def quote(word)
      return %("#{word}") unless word.match?(/["\\\n]/)

      raise ArgumentError, "etcdctl's transaction syntax cannot hold #{word.inspect}"
    end
  end
end
