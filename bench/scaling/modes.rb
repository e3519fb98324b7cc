# frozen_string_literal: true

require "fileutils"
require "tmpdir"

module Bench
  module Scaling
    # A way to have the keys in every process of a host. `processes` is {RubyHost} or {GoHost}; with `proxy`
    # they reach etcd through its grpc-proxy; `missing` says why it cannot be measured, or is nil.
    Mode = Struct.new(:name, :processes, :settings, :proxy, :missing, keyword_init: true) do
      # What the processes connect to.
      def front(etcd) = proxy ? Harness::EtcdGrpcProxy.new(etcd).start : etcd

      # @param front [#endpoint] see {#front}
      def start(front, count) = processes.start(front, count, settings)

      # Workers that do not use their copy, where there are forked ones.
      def bare(front, count) = processes.bare(front, count, settings)

      def boot(front, count, &block) = processes.boot(front, count, settings, &block)
    end

    # The ways that can be compared.
    module Modes
      OWN = "a watch per process"
      HOST_COPY = "a watch per host"
      GO = "Go clientv3"
      PROXY = "through grpc-proxy"
      # Measured unless others are asked for.
      USUAL = %w[own host-copy go].freeze

      # Each is made when it is asked for: the Go peer is built then.
      ALL = {
        "own" => -> { Mode.new(name: OWN, processes: RubyHost, settings: {}) },
        "host-copy" => lambda do
          Mode.new(name: HOST_COPY, processes: RubyHost, settings: { host_copy: meeting_place })
        end,
        "go" => lambda do
          missing = "the Go peer cannot be built" unless GoPeer.available?
          Mode.new(name: GO, processes: GoHost, settings: {}, missing:)
        end,
        "proxy" => -> { Mode.new(name: PROXY, processes: RubyHost, settings: {}, proxy: true) }
      }.freeze

      module_function

      # Where the processes of a host meet: here each has its own temporary folder.
      def meeting_place
        @meeting_place ||= Dir.mktmpdir("host-copy-").tap { |folder| at_exit { FileUtils.rm_rf(folder) } }
      end

      # @param names [Array<String>] keys of {ALL}
      # @return [Array<Mode>] those that can be measured; prints which cannot
      def available(names)
        there, missing = names.map { |name| ALL.fetch(name).call }.partition { |mode| mode.missing.nil? }
        missing.each { |mode| puts "#{mode.name}: not measured: #{mode.missing}", "" }
        there
      end
    end
  end
end
