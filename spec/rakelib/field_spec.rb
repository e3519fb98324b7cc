# frozen_string_literal: true

require_relative "../../field/support/choice"
require_relative "../../field/support/checks"
require_relative "../../field/support/content"
require_relative "../../field/support/document"
require_relative "../../field/support/table"

RSpec.describe "rake field" do
  possible = ->(row) { Field.possible?(Field::SetUp.new(*row)) }
  everything = Field::FACTORS.values.then { |first, *others| first.product(*others) }.select(&possible)
  places = (0...Field::FACTORS.size).to_a
  parts = ->(row, size) { places.combination(size).map { |chosen| chosen.zip(row.to_a.values_at(*chosen)) } }

  describe Field::Choice do
    it "has every allowed pair of values in one of its set-ups, and no excluded one" do
      pairs = everything.flat_map { |row| parts.call(row, 2) }.uniq
      [[], %w[7]].each do |words|
        rows = described_class.new(words).set_ups
        expect(rows).to all(satisfy { |row| Field.possible?(row) })
        expect(pairs - rows.flat_map { |row| parts.call(row, 2) }).to be_empty
        expect(rows.size).to be < 40
      end
    end

    it "gives the same set-ups for a seed, including plain and recommended ones of each etcd" do
      rows = described_class.new(%w[5]).set_ups
      expect(described_class.new(%w[5]).set_ups).to eq rows
      %w[3.4 3.5 3.6].each do |etcd|
        expect(rows).to include Field::SetUp.plain(etcd), Field::SetUp.recommended(etcd)
      end
    end

    it "has in its short form every installed value, in a few set-ups" do
      rows = described_class.new(%w[short]).set_ups
      there = Field::FACTORS.merge(etcd: [Field::Etcds.installed], way: Field::Ways.installed)
      there.each { |factor, values| expect(rows.map(&factor).uniq).to match_array values }
      expect(rows.size).to be <= 6
    end

    it "limits the table to the rows with some values, and accepts a set-up by all of its values" do
      rows = described_class.new(["3.6 nginx"]).set_ups
      expect(rows.map { |row| [row.etcd, row.way] }.uniq).to eq [%w[3.6 nginx]]
      name = "3.5 root TLS overlapping haproxy-http many busy"
      expect(described_class.new([name]).set_ups.map(&:name)).to eq [name]
      expect { described_class.new(%w[nginz]) }
        .to raise_error(ArgumentError, /unknown: nginz; known are 3\.4, /)
    end
  end

  describe Field::Checks do
    history = { 5 => ["/a", 1], 7 => ["/b", 2], 9 => ["/a", 3] }

    it "finds a snapshot that lacks a change, shows one too early, or comes before an older one" do
      right = [[4, { "/a" => 0, "/b" => 0 }], [8, { "/a" => 1, "/b" => 2 }], [9, { "/a" => 3, "/b" => 2 }]]
      expect(described_class.snapshots(right, history)).to be_nil
      expect(described_class.snapshots(right.values_at(0, 2, 1), history)).to eq "revision 8 was read after 9"
      [[8, { "/a" => 0, "/b" => 2 }], [8, { "/a" => 3, "/b" => 2 }]].each do |wrong|
        expect(described_class.snapshots([wrong], history)).to start_with "at revision 8 it read"
      end
    end

    it "finds a subscriber that misses the last value, gets another order, or gets what was not written" do
      one = ["/", "/a", 1, 5]
      three = ["/", "/a", 3, 9]
      expect(described_class.changes([one, three], history)).to be_nil
      expect(described_class.changes([three], history)).to be_nil
      wrong = { [one] => "notified up to 1, but put up to 3", [three, one] => "in the order",
                [one, ["/", "/a", 2, 9]] => "not put like that",
                [one, ["/", "/a", nil, 10]] => "not put like that" }
      wrong.each { |seen, problem| expect(described_class.changes(seen, history)).to include problem }
    end

    it "finds a snapshot that differs from etcd's content" do
      digest = Field::Content.method(:digest)
      seen = [[5, digest.call({ "a" => "1" })], [7, digest.call({ "a" => "1", "b" => "" })]]
      etcd = { 5 => { "a".b => "1".b }, 7 => { "a" => "1", "b" => "" } }
      expect(described_class.digests(seen) { |revision| digest.call(etcd[revision]) }).to be_nil
      etcd[7] = { "a" => "1b", "" => "" }
      expect(described_class.digests(seen) { |revision| digest.call(etcd[revision]) })
        .to eq "the snapshot of revision 7 is not what etcd held then"
    end
  end

  describe Field::Table do
    def result(latency, plain: 0.002, set_up: Field::SetUp.plain("3.4"), **more)
      figures = { latencies: [latency], plain: [plain], age: 1.04 }
      Field::Result.new(set_up:, broken: [], notes: [], **figures, **more)
    end

    it "shows the times of a set-up, its ratio to the plain one, and that the promises were kept" do
      expect(described_class.new([result(0.0042)]).to_s.lines.last)
        .to eq "| 3.4 | none | plain | key | direct | small | quiet " \
               "| 4.2 ms | 4.2 ms | 2.0 ms | 2.0 ms | 2.1 | ≤ 1.0 s | kept |\n"
    end

    it "marks a slow one without a reason, and refers to the reason if there is one" do
      huge = Field::SetUp.plain("3.4").tap { |set_up| set_up.values = "huge" }
      slow = result(0.007)
      explained = result(0.02, set_up: huge)
      table = described_class.new([slow, explained])
      expect(table.to_s.lines.last(2).map { |line| line.split(" | ")[11] }).to eq ["**3.5**", "10.0 (a)"]
      expect(table.reasons).to match [/\Aa: etcd writes each value/]
      expect([slow, explained].map(&:sound?)).to eq [false, true]
      expect(result(1, set_up: huge)).not_to be_sound # a reason has a limit
    end

    it "shows what was broken, what failed to run, and what is unavailable, which alone is not a failure" do
      plain = Field::SetUp.plain("3.6")
      results = [result(0.002, broken: ["a | b"]), Field::Result.blank(plain, failure: "no\netcd"),
                 Field::Result.blank(plain, unavailable: "Go is not installed")]
      expect(results.map(&:sound?)).to eq [false, false, true]
      expect(described_class.new(results).to_s.lines.last(3).map { |line| line[/\| ([^|]|\\\|)+ \|$/] })
        .to eq ["| **broken**: a \\| b |", "| failed to run: no etcd |",
                "| not available: Go is not installed |"]
    end
  end

  describe MarkedSection do
    it "replaces the text between its marks, and nothing else" do
      section = described_class.new("<!-- from -->\n", "<!-- to -->\n")
      before = "a\n<!-- from -->\nold\n<!-- to -->\nz\n<!-- to -->\n"
      text = section.replace(before) { |old| "new, not #{old}" }
      expect(text).to eq "a\n<!-- from -->\n\nnew, not old\n\n<!-- to -->\nz\n<!-- to -->\n"
      expect { section.replace("a\n<!-- from -->\n") { "" } }.to raise_error(ArgumentError, /lacks a mark/)
    end

    it "has its marks in the document that it writes" do
      text = File.read(Field::Document::FILE, encoding: "UTF-8")
      expect(Field::Document::SECTION.replace(text) { "figures" }).to include "\nfigures\n"
    end
  end
end
