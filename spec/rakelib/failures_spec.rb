# frozen_string_literal: true

require_relative "../../rakelib/failures"

RSpec.describe Failures do
  it "finds RSpec's failed examples, each once, with their names" do
    output = "\nrspec ./spec/a_spec.rb:5 # a promise\n  1) a promise\nrspec ./spec/a_spec.rb:5 # a promise\n"
    expect(described_class.commands(output)).to eq ["rspec ./spec/a_spec.rb:5 # a promise"]
  end

  it "finds cargo's failed tests, and not those that passed" do
    output = "test store::a ... ok\ntest sync::b ... FAILED\ntest sync::c - should panic ... FAILED\n"
    expect(described_class.commands(output))
      .to eq ["cargo test --workspace --locked sync::b", "cargo test --workspace --locked sync::c"]
  end
end
