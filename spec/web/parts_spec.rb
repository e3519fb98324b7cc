# frozen_string_literal: true

RSpec.describe "parts of the page" do
  strings = EtcdDiscovery::Web::Strings

  it "every text exists in each language, with the same places to fill in" do
    places = strings::ALL.transform_values do |texts|
      texts.transform_values do |text|
        text.scan(/%<\w+>|\{\w+\}/).sort
      end
    end
    expect(places["zh"]).to eq places["en"]
    expect(strings::ALL.values.flat_map(&:values)).to all(satisfy { |text| !text.strip.empty? })
    expect(strings::ALL["zh"].reject { |_, text| text.match?(/\p{Han}/) }.keys).to contain_exactly(:type_json)
  end

  it "every text is used" do
    code = Dir["lib/etcd_discovery/web/{*.rb,pages/*.rb}"].sum("") { |path| File.read(path) }
    named = strings::ALL["en"].keys.grep_v(/\A(?:nav|error|type)_/)
    expect(named.reject { |name| code.match?(/:#{name}\b/) }).to eq []
  end

  it "what is remembered of a client is kept until the client is gone" do
    memory = EtcdDiscovery::Client.new(source: "memory", fleet: "/fleet/")
    parts = EtcdDiscovery::Web.then { |web| [web::Past, web::Gateway, web::Roll, web::Collector] }
    before = parts.map { |part| part.of(memory).object_id }
    GC.start
    expect(parts.map { |part| part.of(memory).object_id }).to eq before
  end

  it "everything that goes into HTML is escaped" do
    h = EtcdDiscovery::Web::Html.new
    h.p("<b>&\"'</b>\e", title: "\"><script>", data_x: "\xff".b) { h.text("</p>") }
    expect(h.to_s).to eq '<p title="&quot;&gt;&lt;script&gt;" data-x="�">' \
                         '&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;\x1b&lt;/p&gt;</p>'
    expect { h.p("x", "a b": 1) }.to raise_error(ArgumentError)
    expect { h.p("x", "a><script>": 1) }.to raise_error(ArgumentError)
  end

  # What is left of the old lines and of the new ones is the old and the new text.
  it "a difference contains both values, line by line" do
    random = Random.new(RSpec.configuration.seed)
    300.times do
      old, new = Array.new(2) { Array.new(random.rand(8)) { %w[a b c].sample(random:) } }
      steps = EtcdDiscovery::Web::Lines.difference(old.join("\n"), new.join("\n"))
      expect(steps.reject { |kind,| kind == :new }.map(&:last)).to eq(old.empty? ? [""] : old)
      expect(steps.reject { |kind,| kind == :gone }.map(&:last)).to eq(new.empty? ? [""] : new)
    end
    expect(EtcdDiscovery::Web::Lines.difference(nil, "x")).to eq [[:new, "x"]]
    expect(EtcdDiscovery::Web::Lines.difference("same\nold",
                                                "same\nnew").map(&:first)).to eq %i[same gone new]
  end

  # The reference walks through all keys.
  it "the pages of a folder hold each key and each folder once, in order, with the right numbers" do
    random = Random.new(RSpec.configuration.seed)
    50.times do
      names = ["", "a", "b\xff".b, "c0", "\u9650"].map(&:b)
      path = ->(*) { Array.new(random.rand(1..4)) { names.sample(random:) }.join("/") }
      keys = Array.new(random.rand(1..900), &path).uniq.sort
      keys = keys.map { |key| EtcdDiscovery::ForeignText.exact(key) }
      folders = keys.group_by { |key| key.b[%r{\A[^/]*/?}n] }
      expected = folders.map { |name, found| [name, name.end_with?("/") ? found.size : nil] }
      seen = []
      after = nil
      loop do
        tree = EtcdDiscovery::Web::Tree.level(keys, "", after)
        seen.concat(tree.entries.map { |entry| [entry.name.b, entry.holds] })
        break unless (after = tree.more)
      end
      expect(seen).to eq expected.sort_by(&:first)
    end
  end

  it "the pages of a search have each key that has all words once, also where keys end in slashes" do
    keys = Array.new(500) { |n| format("/x/%03d/", n) }.flat_map { |key| [key, "#{key}a"] }.sort
    first = EtcdDiscovery::Web::Tree.search(keys, "X /", nil)
    second = EtcdDiscovery::Web::Tree.search(keys, "x", first.more)
    expect((first.entries + second.entries).map(&:path)).to eq keys.first(400)
    expect(EtcdDiscovery::Web::Tree.search(keys, "x nowhere").entries).to be_empty
  end

  it "the charts take samples only in a process that has served the page, and keep a bounded number" do
    reader = client("memory", source: EtcdDiscovery::Source::MEMORY).start
    threads = -> { Thread.list.count { |thread| thread.name == "etcd_discovery page" } }
    before = threads.call
    web = EtcdDiscovery::Web.new(client: reader, authorize: ->(_env) { "ann" })
    expect(threads.call).to eq before
    Harness::PageRequests.new(web).get("/")
    expect(threads.call).to eq before + 1
    collector = EtcdDiscovery::Web::Collector.of(reader)
    expect_soon("a sample") { collector.samples.any? }
    1_000.times { |n| collector.add_delay(n / 1000.0) }
    expect([collector.delays.size, collector.delays.last.milliseconds]).to eq [300, 999.0]
  end
end
