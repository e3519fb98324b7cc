# frozen_string_literal: true

require "etcd_discovery"
require_relative "../../spec/support/certificates"
require_relative "../../spec/support/dsl"
require_relative "../../spec/support/etcd_users"
require_relative "content"
require_relative "etcds"
require_relative "neighbours"
require_relative "reader"
require_relative "ways"

module Field
  # A running set-up: etcd with its users and content, a proxy if any, neighbours, a writer that connects to
  # etcd directly, and a reader.
  class Deployment
    include Harness::DSL

    # The certificate of Harness::Certificates names this user.
    CERTIFICATE_USER = "client"
    ORDINARY_USER = "app"
    PASSWORD = "field-word"
    # The user of the writer and of the neighbours.
    ROOT = %i[user password].zip(Harness::EtcdUsers::ROOT.split(":")).to_h.freeze
    # The keys of one transaction. etcdctl sends at most 2 MiB.
    BATCH = 5_000
    # etcdctl's default is 2 s, but TLS takes longer on a busy machine.
    DIAL_TIMEOUT = "--dial-timeout=30s"

    attr_reader :set_up, :etcd, :reader, :ctl, :neighbours

    # @param log [IO] gets the output of a build of etcd
    def initialize(set_up, scale, log)
      @set_up = set_up
      @scale = scale
      @log = log
    end

    # @raise [Matrix::Unavailable] if the version or the proxy is not available here
    def start
      prepare_etcd
      writers = { **tls_settings, **writer_settings }
      @writer = client(etcd, **writers)
      @reader = Reader.new(Ways.open(set_up.way, etcd), ranges, reader_settings)
      @neighbours = Neighbours.new(etcd, **writers) if set_up.neighbours == "busy"
      self
    end

    def ranges = Content::RANGES.fetch(set_up.watch)

    def probes = Content::PROBES.fetch(set_up.watch)

    # Writes the next measured value.
    #
    # @return [Integer] the revision
    def put(key, number) = @writer.put(key, Content.value(number, huge: huge?))

    def huge? = set_up.values == "huge"

    # @return [Integer] how many puts to measure
    def puts = huge? ? @scale.huge_puts : @scale.puts

    # @return [Hash{String => String}] etcd's content of all ranges at the revision, read without the gem
    def content(revision)
      ranges.map { |range| ctl.read(range, *("--prefix" if Content.prefix?(range)), "--rev=#{revision}") }
            .reduce(:merge)
    end

    private

    def prepare_etcd
      @etcd = start_etcd(tls:, binary: Etcds.path(set_up.etcd, @log), flags: ["--max-txn-ops=#{BATCH}"])
      @ctl = etcd.ctl.with(DIAL_TIMEOUT)
      fill if set_up.values == "many"
      make_users unless set_up.user == "none"
    end

    def tls
      return unless set_up.tls?

      @tls ||= Harness::Certificates.new(client_auth: set_up.user == "certificate")
    end

    def fill
      (0...@scale.keys).each_slice(BATCH) do |numbers|
        ctl.transaction(*numbers.map { |number| [:put, "#{Content::MANY}#{number}", "v" * 60] })
      end
    end

    # An ordinary user may read what it watches, and nothing else.
    def make_users
      users = Harness::EtcdUsers.new(self)
      [ORDINARY_USER, CERTIFICATE_USER].each do |name|
        users.add(name, PASSWORD, prefix: "/field/own/")
        ranges.each { |range| users.grant(name, "read", *("--prefix" if Content.prefix?(range)), range) }
      end
      @ctl = users.enforce
    end

    def writer_settings = set_up.user == "none" ? {} : ROOT

    # An etcd that identifies users by certificate requests one from every client.
    def tls_settings
      return {} unless tls

      pair = { cert_file: tls.client_cert, key_file: tls.client_key } if set_up.user == "certificate"
      { ca_file: tls.ca_file, **pair.to_h }
    end

    def reader_settings
      login = case set_up.user
              when "root" then ROOT
              when "ordinary" then { user: ORDINARY_USER, password: PASSWORD }
              else {}
              end
      limits = { boot_timeout: Reader::LIMIT, max_staleness: @scale.max_staleness, progress_interval: 1 }
      { **tls_settings, **login, **limits }
    end
  end
end
