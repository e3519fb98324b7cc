# frozen_string_literal: true

require_relative "../../rakelib/library_crates"

RSpec.describe LibraryCrates do
  listed = described_class.listed

  it "lists every crate that is compiled into this machine's library, with its licence" do
    crates = described_class.crates([], "--locked", "--offline")
    expect(crates.size).to be > 100
    expect(File.readlines(described_class::PATH, chomp: true)).to include(*crates.map(&:row))
  end

  it "lists only versions that are in Cargo.lock" do
    lock = File.read(File.join(described_class::ROOT, "Cargo.lock"))
    locked = lock.scan(/^name = "(.+)"\nversion = "(.+)"/)
    expect(listed).not_to be_empty
    expect(listed - locked).to be_empty
  end

  it "knows a licence and a repository of every crate" do
    rows = File.readlines(described_class::PATH, chomp: true).grep(/^\| \S+ \| \d/)
    expect(rows).to all match(%r{\A\| \S+ \| \S+ \| [A-Z(][\w .()+-]+ \| <https://\S+> \|\z})
  end
end
