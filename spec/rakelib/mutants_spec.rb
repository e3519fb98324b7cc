# frozen_string_literal: true

require_relative "../../rakelib/mutants/document"

RSpec.describe "the table of mutants" do
  root = File.expand_path("../..", __dir__)

  MUTATIONS.each_with_index do |mutation, index|
    it "row #{index + 1}, #{mutation.promise}: changes one existing place" do
      text = File.read(File.join(root, mutation.file))
      expect(text.scan(mutation.from).size).to eq 1
      expect(text.sub(mutation.from) { mutation.to }).not_to eq text
    end
  end

  it "has a test that caught each row in docs/reliability.md, and no row besides" do
    rows = MutantsDocument.rows(File.read(MutantsDocument::FILE, encoding: "UTF-8"))
    expect(rows.map { |row| [row.promise, row.broken] })
      .to eq(MUTATIONS.map { |mutation| [mutation.promise, mutation.broken] })
  end

  it "breaks each of the thirteen promises" do
    expect(MUTATIONS.map { |mutation| mutation.promise.to_i }.uniq.sort).to eq (1..13).to_a
  end
end
