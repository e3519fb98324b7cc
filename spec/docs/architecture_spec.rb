# frozen_string_literal: true

RSpec.describe "docs/architecture.md" do
  root = File.expand_path("../..", __dir__)
  read = ->(path) { File.read(File.join(root, path), encoding: "UTF-8") }
  text = read["docs/architecture.md"]

  folders = %w[src ext lib sig spec torture bench rakelib examples docs]
  named = text.scan(%r{`((?:#{folders.join('|')})/[\w./*-]*)`}).flatten.uniq

  it "names only paths that exist" do
    expect(named.size).to be > 60
    expect(named.select { |path| Dir.glob(path, base: root).empty? }).to be_empty
  end

  it "names every folder of the core and the binding that contains code" do
    rooms = Dir.glob("{src,ext/src}/*/", base: root).map { |path| path.delete_suffix("/") }
    expect(rooms.reject { |room| text.include?("`#{room}") }).to be_empty
  end

  it "is right that a private file at the top of lib/etcd_discovery heads a folder" do
    tops = Dir.glob("lib/etcd_discovery/*.rb", base: root)
    secret = tops.select { |path| read[path].match?(/^  # @api private\n  (?:class|module) /) }
    expect(tops.size).to be > 20
    expect(secret.reject { |path| File.directory?(File.join(root, path.delete_suffix(".rb"))) }).to be_empty
  end

  it "is right that no object calls a private method of another" do
    calls = Dir.glob("{lib,torture}/**/*.rb", base: root).flat_map do |path|
      read[path].lines.grep(/[\w)\]]\.(?:__)?send\(:/).map { |line| "#{path}: #{line.strip}" }
    end
    expect(calls).to be_empty
  end

  it "has the thirteen promises in order, each with a test that checks it" do
    rows = text[/^## The promises$.*/m].scan(/^\| (\d+) \| (.+?) \| (.+) \|$/)
    expect(rows.map { |number,| number.to_i }).to eq [*1..13]
    expect(rows.map { |row| row[2][/`(.+?)`/, 1] }).to all(match(/\.rs\z|_spec\.rb\z/))
  end

  it "has every promise that a comment cites" do
    cited = Dir.glob("{src,ext,lib,spec,torture}/**/*.{rs,rb,md}", base: root).flat_map do |path|
      read[path].scan(/[Pp]romises? (\d+)(?: (?:and|to) (\d+))?/).flatten.compact.map(&:to_i)
    end
    expect(cited).not_to be_empty
    expect(cited.uniq - [*1..13]).to be_empty
  end

  describe "as to the machines" do
    # `{ from => [to, …] }` of a Mermaid diagram. A composite stands for the states in it.
    def self.edges(diagram)
      inner = diagram.scan(/^ +state (\w+) \{\n(.*?)^ +\}/m).to_h
                     .transform_values { |body| body.scan(/\b[A-Z]\w+(?= -->)|(?<=--> )[A-Z]\w+/).uniq }
      diagram.scan(/^ +(\w+) --> (\w+)/).flat_map { |from, to| inner.fetch(from, [from]).product([to]) }.uniq
    end

    # The variants of the private `State` of a machine, in whichever of its files.
    def self.states(root, room)
      source = Dir.glob("#{room}{.rs,/**/*.rs}", base: root).map { |path| File.read(File.join(root, path)) }
      body = source.filter_map { |code| code[/^(?:pub\S* )?enum State \{\n(.*?)^\}/m, 1] }
      body.fetch(0).scan(/^    ([A-Z]\w+)/).flatten
    end

    diagrams = text.scan(/^```mermaid\n(.*?)^```/m).flatten
    { "src/sync/machine" => diagrams[0], "src/registration/machine" => diagrams[1] }.each do |room, diagram|
      it "draws exactly the states of #{room}" do
        drawn = self.class.edges(diagram).flatten.uniq
        expect(drawn).to match_array self.class.states(root, room)
      end
    end

    it "draws exactly the transitions in the table of the sync machine" do
      connected = %w[Listing Verifying Opening Watching]
      rows = read["src/sync/machine/transitions.md"].scan(/^\| (.+?) \| .+? \| (.+?) \|/)
      table = rows.flat_map do |from, to|
        from = from.include?("any connected state") ? connected : from.scan(/`(\w+)`/).flatten
        # The text after "then" is the next step, not this transition.
        to = to.sub(/`Backoff`, then.*/, "`Backoff`").scan(/`(\w+)`/).flatten
        from.product(to)
      end
      table = table.uniq.reject { |from, to| from == to }
      expect(self.class.edges(diagrams[0])).to match_array table
    end
  end
end
