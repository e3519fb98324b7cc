# frozen_string_literal: true

RSpec.describe Harness::Samples do
  def sample(language, code) = described_class::Sample.new(page: "docs/none.md", line: 1, language:, code:)

  it "finds each block with its line, its language and its file, also in lists" do
    text = "# A\n\n```ruby\n1 + 1\n```\n\n* b\n\n  ```yaml\n  # config/b.yml\n  a: 1\n  ```\n"
    found = described_class::Sample.all("docs/none.md", text)
    expect(found.map { |one| [one.line, one.language, one.code, one.file, one.kind] })
      .to eq [[4, "ruby", "1 + 1\n", nil, :ruby],
              [10, "yaml", "# config/b.yml\na: 1\n", "config/b.yml", :yaml]]
  end

  it "fails a Ruby sample that returns something else than it says, or raises" do
    samples = ["a = 1 # => 1\n", "a # => 2\n", "missing\n"].each.with_index(1).map do |code, line|
      sample("ruby", code).tap { |one| one.line = line }
    end
    errors = described_class::RubyPage.new("docs/none.md", start_etcd).run(samples)
    expect(errors).to match(1 => nil, 2 => /gives 1 instead of 2/, 3 => /undefined local variable.*missing/)
  end

  it "fails a command that fails, or prints something else than it says" do
    page = described_class::ShellPage.new("docs/none.md", start_etcd)
    expect(page.error(sample("sh", "echo a  # => a\n"))).to be_nil
    expect(page.error(sample("sh", "echo a  # => b\n"))).to match(/gives a\n instead of b/)
    expect(page.error(sample("sh", "true\netcdctl gte /a\n"))).to match(/\Aetcdctl gte/)
    expect(page.error(sample("sh", "rake no:such:task\n"))).to match(/no:such:task/)
  end

  describe "of files", gems: %w[nokogiri puma] do
    it "fails a file that its program refuses" do
      yaml = sample("yaml", "# config/etcd_discovery.yml\nshared:\n  endpoint: http://a:1\n")
      expect(described_class::YamlFile.error(yaml)).to match(/endpoint: no such setting/)
      puma = sample("ruby", "# config/puma.rb\nplugin :nothing\n")
      expect(described_class::ServerFile.error(puma)).to match(/nothing/)
      test = sample("ruby", "# spec/a_spec.rb\nRSpec.describe('a') { it('b') { expect(1).to eq 2 } }\n")
      expect(described_class::TestFile.error(test)).to match(/1 failure/)
    end
  end
end
