# frozen_string_literal: true

RSpec.describe "Names in layers without etcd" do
  random = Random.new(RSpec.configuration.seed)
  let(:prefixes) { %w[/ /a/ /a/b/ /b/ /a//].sample(1 + random.rand(4), random:) }
  let(:memory) { Harness::ClosingClient.add(EtcdDiscovery::Client.new(layers: prefixes, source: "memory")) }
  let(:leases) { Array.new(3) { memory.native_grant("test", 600) } }
  # The value that each subscriber received last, by target and name.
  let(:received) { {} }

  names = %w[a b a/b b/a a/b/a]
  targets = %w[a b a/ b/]

  def end_a_lease(random)
    memory.native_revoke("test", leases.delete(leases.sample(random:)))
    leases << memory.native_grant("test", 600)
  end

  def change_something(random)
    key = %w[/a /b /a/a /a/b /b/a /a/b/a /a/b/b /a/b/a/b /a//b].sample(random:)
    case random.rand(6)
    when 0 then memory.delete(key)
    when 1 then memory.write!("override", [], [[key, "leased", leases.sample(random:)]])
    when 2 then end_a_lease(random)
    else memory.put(key, ["", "x", "y"].sample(random:))
    end
    EtcdDiscovery::Testing.settle
  end

  def by_every_read(name)
    held = memory.snapshot
    [memory[name], held[name], held.layered.to_h[name], memory.explain(name).value]
  end

  it "agree with a search through the layers, and with what subscribers receive, whatever is written" do
    targets.each do |target|
      memory.on_change(target) do |change|
        received[[target, change.key]] = change.value
      end
    end
    200.times do
      change_something(random)
      content = memory.snapshot.to_h
      names.each do |name|
        right = prefixes.filter_map { |prefix| content["#{prefix}#{name}"] }.first
        expect(by_every_read(name)).to eq([right] * 4), "#{name} in #{prefixes}"
        covering = targets.select { |one| one == name || (one.end_with?("/") && name.start_with?(one)) }
        expect(covering.map { |one| received[[one, name]] }).to all(eq(right)), "#{name} in #{prefixes}"
      end
    end
  end
end
