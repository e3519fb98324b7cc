# frozen_string_literal: true

RSpec.describe "README.zh-CN.md" do
  samples = Harness::Samples
  english, chinese = %w[README.md README.zh-CN.md].map { |page| samples.text(page) }
  outside = ->(text) { text.gsub(/^```.*?^```$/m, "") }

  it "has the samples of README.md, in their order" do
    code = [english, chinese].map do |text|
      samples::Sample.all("", text).map { |sample| [sample.language, sample.code] }
    end
    expect(code.first).not_to be_empty
    expect(code.last).to eq code.first
  end

  it "has the sections of README.md, in their order" do
    levels = [english, chinese].map { |text| outside[text].scan(/^#+(?= )/) }
    expect(levels.last).to eq levels.first
  end

  it "has the rows of README.md's tables, and links to the same places" do
    rows = [english, chinese].map { |text| outside[text].scan(/^(?:\|.*\n)+/).map(&:lines).map(&:size) }
    expect(rows.last).to eq rows.first
    links = [english, chinese].map { |text| outside[text].scan(/\]\(((?!README)[^)]+)\)/).flatten }
    expect(links.last).to match_array links.first
  end

  it "names the same settings, calls and states as README.md" do
    names = [english, chinese].map { |text| outside[text].scan(/`[^`\n]+`/).uniq }
    expect(names.last).to match_array names.first
  end
end
