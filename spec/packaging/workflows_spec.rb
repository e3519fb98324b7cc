# frozen_string_literal: true

require "open3"
require "yaml"
require_relative "../../rakelib/gem/native_platform"

# Only GitHub can run the workflows. What they name here must at least exist.
RSpec.describe "the workflows" do
  root = File.expand_path("../..", __dir__)
  workflows = Dir[File.join(root, ".github/workflows/*.yml")].to_h do |path|
    [File.basename(path, ".yml"), path]
  end
  jobs = workflows.transform_values { |path| YAML.safe_load(File.read(path)).fetch("jobs") }
  commands = jobs.values.flat_map(&:values).flat_map do |job|
    job.fetch("steps").filter_map do |step|
      step["run"]
    end
  end

  it "run only tasks and programs that exist" do
    output, status = Open3.capture2e("rake", "--all", "--tasks", chdir: root)
    expect(status).to be_success, output

    tasks = commands.join("\n").scan(/\brake "?([a-z:]+)/).flatten
    expect(tasks).to include("gem", "gem:native", "gem:smoke")
    expect(tasks - output.scan(/^rake ([a-z:]+)/).flatten).to be_empty

    programs = commands.join("\n").scan(%r{(?<![\w$])(?:bin|\.ci|rakelib)/[\w/.]+}).uniq
    expect(programs).to include("bin/setup", ".ci/run", "rakelib/gem/smoke_test.rb")
    expect(programs).to all(satisfy { |program| File.exist?(File.join(root, program)) })
  end

  it "build every platform that has a recipe, and publish nothing before all are built and tried" do
    release = jobs.fetch("release")

    expect(release.dig("linux", "strategy", "matrix", "platform")).to match_array(NativePlatform::CROSS.keys)
    expect(release.fetch("publish").fetch("needs")).to match_array(release.keys - ["publish"])
  end
end
