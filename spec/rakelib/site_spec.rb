# frozen_string_literal: true

require_relative "../../rakelib/site"

RSpec.describe Site do
  pages = described_class.new.pages
  root = described_class::ROOT

  it "has the README as its first page, in both languages, and every guide" do
    guides = Dir.glob("docs/*.md", base: root).map { |path| File.basename(path) }
    expect(pages.keys).to match_array guides + described_class::OTHERS.values
  end

  it "links from page to page, and to the repository for everything else" do
    expect(pages["index.md"]).to include("](rails.md#one-revision-for-each-request)", "](zh-CN.md)",
                                         "](#{described_class::REPOSITORY}LICENSE)")
    expect(pages["migrating.md"]).to include("](index.md#installation)")
    links = pages.flat_map { |_, text| text.scan(described_class::LINK) }.flatten
    expect(links.grep_v(/\.(?:svg|png)\z/) - pages.keys).to be_empty
  end

  it "is reachable through its menu on every page" do
    # The menu, without the parts that only the generator understands.
    menu = File.read(File.join(root, "mkdocs.yml"), encoding: "UTF-8")[/^nav:\n.*/m]
    expect(menu.scan(/[\w-]+\.md/)).to match_array pages.keys
  end
end
