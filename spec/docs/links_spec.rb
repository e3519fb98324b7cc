# frozen_string_literal: true

RSpec.describe "the README and the guides" do
  samples = Harness::Samples
  root = samples::ROOT
  pages = Dir.glob("{docs/,}*.md", base: root) - %w[THIRD_PARTY.md]
  prose = ->(page) { samples.text(page).gsub(/^( *)```.*?^\1```$/m, "") }

  # The anchors that GitHub makes from headings.
  anchors = lambda do |page|
    prose[page].scan(/^#+ (.+)$/).flatten.map do |heading|
      heading.downcase.gsub(/[^\p{Word}\- ]/, "").tr(" ", "-")
    end
  end

  leads = lambda do |page, link|
    path, anchor = link.split("#", 2)
    target = path.empty? ? page : File.expand_path(path, "/#{File.dirname(page)}").delete_prefix("/")
    File.exist?(File.join(root, target)) && (anchor.nil? || anchors[target].include?(anchor))
  end

  pages.each do |page|
    describe page do
      # A link inside code is not a link.
      links = prose[page].gsub(/`[^`\n]*`/, "").scan(/\]\(([^)\s]+)\)/).flatten.grep_v(/\A[a-z]+:/)

      it "links only to files and headings that exist" do
        expect(links.reject { |link| leads[page, link] }).to be_empty
      end

      it "names only files of the project that exist", unless: page == "CHANGELOG.md" do
        path = %r{`((?:src|ext|lib|spec|rakelib|torture|examples)/[\w./*-]*)`}
        named = samples.text(page).scan(path).flatten
        expect(named.select { |name| Dir.glob(name, base: root).empty? }).to be_empty
      end

      it "quotes tests exactly" do
        quotes = samples.text(page).scan(%r{`((?:src|spec)/[\w./]+)`, "([^"]+)"})
        wrong = quotes.reject do |path, sentence|
          text = File.read(File.join(root, path), encoding: "UTF-8")
          text.include?(sentence) || text.include?(sentence.tr(" ", "_"))
        end
        expect(wrong).to be_empty
      end
    end
  end
end
