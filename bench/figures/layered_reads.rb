# frozen_string_literal: true

module Bench
  # Measures reads of names in layers and of declared settings, compared with plain reads in the same run.
  class LayeredReads
    include Harness::DSL

    READS = 1_000_000
    LAYERS = %w[/shop/overrides/ /shop/hosts/a/ /shop/].freeze

    # Names of the plain reads, and of those that are compared with them.
    PLAIN = {
      literal: { "EtcdDiscovery[], literal key" => "EtcdDiscovery[\"/shop/limit\"]",
                 "EtcdDiscovery[], literal name in 3 layers" => "EtcdDiscovery[\"limit\"]" },
      other: { "EtcdDiscovery[], other key" => "EtcdDiscovery[key]",
               "EtcdDiscovery[], other name in 3 layers" => "EtcdDiscovery[name]" },
      typed: { "EtcdDiscovery.integer, key" => "EtcdDiscovery.integer(\"/shop/limit\", 1)",
               "EtcdDiscovery.integer, name in 3 layers" => "EtcdDiscovery.integer(\"limit\", 1)",
               "Settings, field without rules" => "settings.limit",
               "Settings, field with a rule" => "settings.share" }
    }.freeze

    def rows
      start
      PLAIN.values.flat_map { |reads| compared(reads) }
    ensure
      Harness::Cleanup.close_all
    end

    private

    def compared(reads)
      figures = Stopwatch.nanoseconds(reads, local_binding, reads: READS)
      plain, *others = figures.keys
      others.map do |name|
        Row.new(work: name, figure: figures[name], unit: "ns", against: plain, base: figures[plain],
                target: ("≤ 1.1 ×" if name.include?("in 3 layers")))
      end
    end

    def start
      etcd = start_etcd
      %w[limit share].each { |name| etcd.ctl.put("/shop/#{name}", "57") }
      EtcdDiscovery.configure do |config|
        config.endpoints = [etcd.endpoint]
        config.layers = LAYERS
      end
      EtcdDiscovery.start
    end

    def local_binding
      settings = Class.new(EtcdDiscovery::Settings) do
        prefix "/shop/"
        field :limit, type: :integer, default: 1
        field :share, type: :integer, default: 1, in: 0..1_000
      end
      { settings:, key: +"/shop/limit", name: +"limit" }.each_with_object(binding) do |(name, value), scope|
        scope.local_variable_set(name, value)
      end
    end
  end
end
