# frozen_string_literal: true

require_relative "../../rakelib/matrix/document"

RSpec.describe "docs/compatibility.md" do
  table = Matrix::Table.lines(File.read(Matrix::Document::FILE, encoding: "UTF-8"))

  Matrix::ROWS.each do |row|
    it "has a finished run of #{row.title}, in which nothing failed" do
      cells = table.fetch(row.name).split("|").map(&:strip)
      expect(cells[5].to_i).to be_positive
      expect(cells[6]).to eq "0"
    end
  end
end
