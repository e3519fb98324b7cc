# frozen_string_literal: true

module EtcdDiscovery
  class Configuration
    # Every setting, in the order of the documentation.
    SETTINGS = [
      Setting.new(
        :endpoints, :list,
        default: ["http://127.0.0.1:2379"].freeze, etcdctl: "ENDPOINTS",
        doc: "members of the cluster: `http://host:port`, `https://host:port` or `unix:///path`"
      ),
      Setting.new(
        :discovery_srv, :string,
        etcdctl: "DISCOVERY_SRV", doc: "domain whose SRV records name the members, instead of `endpoints`"
      ),
      Setting.new(
        :discovery_srv_name, :string,
        etcdctl: "DISCOVERY_SRV_NAME", doc: "what tells several clusters of that domain apart"
      ),
      Setting.new(
        :insecure_discovery, :boolean,
        default: true, etcdctl: "INSECURE_DISCOVERY",
        doc: "whether those records may name members without TLS; see [security.md](security.md)"
      ),
      Setting.new(
        :watch, :list,
        default: [].freeze, doc: "what to hold: prefixes (ending in `/`) and exact keys; `\"\"` is everything"
      ),
      Setting.new(
        :layers, :layers,
        default: [].freeze,
        doc: "prefixes in which a name without a leading slash is looked up, the first one wins; also " \
             "watched; see [changing.md](changing.md#layers)"
      ),
      Setting.new(:source, :source, doc: "what serves instead of etcd; see [testing.md](testing.md)"),
      Setting.new(:user, :string, etcdctl: "USER", doc: "user of etcd; `user:password` sets both"),
      Setting.new(:password, :string, etcdctl: "PASSWORD", secret: true, doc: "the user's password"),
      Setting.new(
        :ca_file, :path,
        etcdctl: "CACERT", doc: "PEM file of the authorities that sign etcd's certificates; else the system's"
      ),
      Setting.new(:cert_file, :path, etcdctl: "CERT", doc: "PEM file of the client's certificate"),
      Setting.new(:key_file, :path, etcdctl: "KEY", doc: "PEM file of the client's private key"),
      Setting.new(
        :server_name, :string,
        doc: "name to expect in etcd's certificate, instead of the endpoint's host"
      ),
      Setting.new(:boot_timeout, :seconds, default: 5.0, doc: "longest wait of `start` and of a first read"),
      Setting.new(
        :connect_timeout, :seconds,
        default: 2.0, doc: "for a connection, with TLS and a first answer; a login may take longer"
      ),
      Setting.new(:request_timeout, :seconds, default: 3.0, doc: "for one answer of etcd"),
      Setting.new(
        :max_staleness, :seconds,
        default: 10.0, doc: "`stale?` is true when etcd has not confirmed the data for longer"
      ),
      Setting.new(:progress_interval, :seconds, default: 3.0, doc: "between two proofs that data is current"),
      Setting.new(
        :keepalive_interval, :seconds,
        default: 10.0, minimum: 5.0, doc: "between HTTP/2 pings; etcd refuses more than one in 5 s"
      ),
      Setting.new(:keepalive_timeout, :seconds, default: 3.0, doc: "for the answer to an HTTP/2 ping"),
      Setting.new(:backoff_cap, :seconds, default: 3.0, doc: "longest delay between two attempts to connect"),
      Setting.new(
        :required, :boolean,
        default: false, doc: "whether a Rails server refuses to boot without a first snapshot"
      ),
      Setting.new(
        :pin_executor, :boolean,
        default: false, doc: "in Rails: one revision for each run of the executor (a request, a job, …)"
      ),
      Setting.new(
        :connect_in_children, :children,
        default: "soon", doc: "when a forked child connects that neither reads nor subscribes: `soon` is " \
                              "1 s after the fork, `now` at once, `lazy` at the first use"
      ),
      Setting.new(:audit_interval, :interval, default: 300.0, doc: "between two audits of the copy; 0: none"),
      Setting.new(:member_sync, :boolean, default: false, doc: "use the cluster's other members too"),
      Setting.new(:cache_path, :path, doc: "file for a copy of the data, to start from if etcd is away"),
      Setting.new(
        :host_copy, :switch,
        default: false, doc: "whether the processes of a host share one watch and one copy, or the folder " \
                             "in which they meet; Linux; see [host-copy.md](host-copy.md)"
      ),
      Setting.new(
        :change_log, :prefix,
        doc: "where each write of the gem adds an entry; see [changing.md](changing.md#the-change-log)"
      ),
      Setting.new(:change_log_values, :boolean, default: false,
                                                doc: "whether its entries hold the new values too"),
      Setting.new(:change_log_keep, :count, default: 1_000, minimum: 1, doc: "entries to keep, the newest"),
      Setting.new(
        :fleet, :prefix,
        doc: "where every process is a member, and roll calls are made; see " \
             "[changing.md](changing.md#does-every-process-have-it)"
      ),
      Setting.new(:logger, :logger, doc: "where to report; `nil` for nowhere")
    ].freeze
  end
end
