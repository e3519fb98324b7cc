# frozen_string_literal: true

Harness::Flippers.load

RSpec.describe "the flipper adapter beside Flipper's memory adapter" do
  names = ["search", "a/b//c", "with space", "Übung 日本", "", "/", "..", "line\nbreak", "nul\0", "%2F",
           '{"name":1}', "\xFF\xFE".b, "umlaut ä".encode("ISO-8859-1"), "wide".encode("UTF-16LE")]
  actors = ["User;1", "User;2", "Ä/ö", "", "\xFF".b, "\xFF", "ä".encode("ISO-8859-1")]
  expressions = Flipper.respond_to?(:property)

  # Each change is called with a feature.
  changes = [
    ->(feature, _) { feature.add }, ->(feature, _) { feature.remove }, ->(feature, _) { feature.clear },
    ->(feature, _) { feature.enable }, ->(feature, _) { feature.disable },
    ->(feature, dice) { feature.enable_actor(Flipper::Actor.new(actors.sample(random: dice))) },
    ->(feature, dice) { feature.disable_actor(Flipper::Actor.new(actors.sample(random: dice))) },
    ->(feature, dice) { feature.enable_group(%i[admins early].sample(random: dice)) },
    ->(feature, dice) { feature.disable_group(%i[admins early].sample(random: dice)) },
    ->(feature, dice) { feature.enable_percentage_of_actors([0, 25, 12.5, 100].sample(random: dice)) },
    ->(feature, _) { feature.disable_percentage_of_actors },
    ->(feature, dice) { feature.enable_percentage_of_time([0, 50, 100].sample(random: dice)) },
    ->(feature, _) { feature.disable_percentage_of_time }
  ]
  if expressions
    changes += [
      lambda { |feature, dice|
        feature.enable_expression(Flipper.property(:plan).eq(%w[basic plus].sample(random: dice)))
      },
      ->(feature, _) { feature.add_expression(Flipper.property(:age).gte(21)) },
      ->(feature, _) { feature.disable_expression }
    ]
  end

  # A missing gate is the same as one without a value.
  def gates(hash) = hash.compact

  def copy(adapter) = Flipper::Adapters::Memory.new.tap { |copy| copy.import(adapter) }

  def all(adapter) = adapter.get_all.transform_values { |value| gates(value) }

  # Flipper joins the name and the actor for a percentage, which not all encodings allow.
  def check(feature, id)
    feature.enabled?(Flipper::Actor.new(id))
  rescue EncodingError => e
    e.class
  end

  def answers(flags, names, actors)
    names.flat_map do |name|
      feature = flags[name]
      values = gates(feature.adapter.get(feature))
      # A percentage of time is random.
      checks = actors.map { |id| check(feature, id) } unless values[:percentage_of_time]
      [values, checks, feature.exist?, feature.state, feature.enabled_gate_names]
    end
  end

  let(:etcd) { start_etcd }
  let(:adapter) { EtcdDiscovery::Flipper.new(client: client(etcd, "/flipper/").start) }
  let(:ours) { Flipper.new(adapter) }
  let(:theirs) { Flipper.new(Flipper::Adapters::Memory.new) }

  before do
    Flipper.register(:admins) { |actor| actor.flipper_id == "User;1" }
    Flipper.register(:early) { |actor| actor.flipper_id == "User;2" }
  end

  after { Flipper.unregister_groups }

  Array.new(3) { Random.new_seed }.each do |seed|
    it "answers the same after the same operations, seed #{seed}" do
      dice = Random.new(seed)
      200.times do |turn|
        change = changes.sample(random: dice)
        name = names.sample(random: dice)
        [ours, theirs].each { |flags| change.call(flags[name], Random.new(seed + turn)) }
        expect(ours.features.map(&:key).to_set).to eq theirs.features.map(&:key).to_set
        next unless (turn % 10).zero?

        expect(answers(ours, names, actors)).to eq answers(theirs, names, actors)
        features = names.map { |one| ours[one] }
        expect(adapter.get_multi(features).transform_values { |value| gates(value) })
          .to eq(theirs.adapter.get_multi(features).transform_values { |value| gates(value) })
        expect(all(adapter)).to eq all(theirs.adapter)
      end
      # Another process reads the same.
      other = Flipper.new(EtcdDiscovery::Flipper.new(client: client(etcd, "/flipper/").start))
      expect(answers(other, names, actors)).to eq answers(theirs, names, actors)
    end
  end

  it "imports, and is imported, the same" do
    dice = Random.new(4711)
    60.times { changes.sample(random: dice).call(theirs[names.sample(random: dice)], dice) }
    ours[:gone].enable
    adapter.import(theirs.adapter)
    expect(all(adapter)).to eq all(theirs.adapter)
    copies = [adapter, theirs.adapter].map { |one| copy(one) }
    expect(all(copies.first)).to eq all(copies.last)
    Flipper.new(copies.first)[:search].enable_actor(Flipper::Actor.new("User;9")) # its sets are its own
  end

  if Flipper::Adapter.method_defined?(:export)
    it "exports the same" do
      [ours, theirs].each do |flags|
        flags[:search].enable_actor(Flipper::Actor.new("User;1"))
        flags[:other].enable
      end
      contents = [ours, theirs].map { |flags| JSON.parse(flags.export.contents)["features"] }
      expect(contents.map { |features| features.transform_values(&:compact) }.uniq.size).to eq 1
    end
  end
end
