# frozen_string_literal: true

RSpec.describe "samples for a Rails application", gems: %w[nokogiri json], order: :defined do
  samples = Harness::Samples

  samples.all.reject(&:reason).group_by(&:page).each do |page, all|
    own = samples::RailsPage.of(all)
    next if own.none? { |sample| sample.kind == :rails }

    describe "of #{page}" do
      before(:context) { @rails = samples::RailsPage.new(page, start_etcd) }

      own.each do |sample|
        it("work: line #{sample.line}") { expect(@rails.error(sample)).to be_nil }
      end
    end
  end
end
