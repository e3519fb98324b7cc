# frozen_string_literal: true

RSpec.describe "samples in the README and the guides" do
  samples = Harness::Samples
  run = samples.all.reject(&:reason)

  it "are all fenced, and name their language" do
    unfenced = samples::PAGES.flat_map do |page|
      text = samples.text(page).gsub(/^( *)```.*?^\1```$/m, "")
      text.scan(/^\n {4,}(\S.*)$/).flatten.map { |line| "#{page}: #{line}" }
    end
    expect(unfenced).to be_empty
    expect(samples.all.map(&:language).uniq - %w[ruby yaml sh text mermaid]).to be_empty
  end

  it "are all run by a spec, or listed with a reason" do
    expect(run.reject(&:kind).map(&:to_s)).to be_empty
    stale = (samples::NOT_RUN + samples::QUOTED).reject do |page, beginning,|
      samples.all.any? { |sample| sample.page == page && sample.code.start_with?(beginning) }
    end
    expect(stale).to be_empty
  end

  it "have no reason for a command that does not exist" do
    commands = samples.all.select { |sample| sample.language == "sh" }
                      .flat_map { |sample| samples::ShellPage.commands(sample) }
    named = commands.filter_map { |command| samples::ShellPage.reason(command) }
    expect(samples::COMMANDS_NOT_RUN.values - named).to be_empty
  end

  it "are valid Ruby, including those that are not run" do
    broken = samples.all.select { |sample| sample.language == "ruby" }.filter_map do |sample|
      RubyVM::InstructionSequence.compile(sample.code)
      nil
    rescue SyntaxError => e
      "#{sample}: #{e.message}"
    end
    expect(broken).to be_empty
  end

  run.select { |sample| sample.kind == :ruby }.group_by(&:page).each do |page, all|
    describe "in Ruby, of #{page}" do
      before(:context) { @errors = samples::RubyPage.new(page, start_etcd).run(all) }

      all.each do |sample|
        it("work: line #{sample.line}") { expect(@errors[sample.line]).to be_nil }
      end
    end
  end

  run.select { |sample| sample.kind == :server }.each do |sample|
    describe "that a program loads", gems: samples::ServerFile.gems(sample) do
      it "load in their place: #{sample.file}, #{sample}" do
        expect(samples::ServerFile.error(sample)).to be_nil
      end
    end
  end

  run.select { |sample| sample.kind == :quoted }.each do |sample|
    it "are part of a file that a spec runs: #{sample.quoted_from}, #{sample}" do
      text = File.read(File.join(samples::ROOT, sample.quoted_from), encoding: "UTF-8")
      expect(text).to include sample.code.lines.drop(1).join
    end
  end

  run.select { |sample| sample.kind == :yaml }.each do |sample|
    describe "in YAML", gems: samples::YamlFile.gems(sample) do
      it "are read by the gem: #{sample.file}, #{sample}" do
        expect(samples::YamlFile.error(sample)).to be_nil
      end
    end
  end

  run.select { |sample| sample.kind == :test }.each do |sample|
    it "are tests that pass: #{sample}" do
      expect(samples::TestFile.error(sample)).to be_nil
    end
  end

  run.select { |sample| sample.kind == :shell }.group_by(&:page).each do |page, all|
    describe "for a shell, of #{page}", order: :defined do
      before(:context) { @shell = samples::ShellPage.new(page, start_etcd) }

      all.each do |sample|
        it("work: line #{sample.line}") { expect(@shell.error(sample)).to be_nil }
      end
    end
  end
end
