# frozen_string_literal: true

RSpec.describe EtcdDiscovery::WeakList do
  it "keeps no object alive, and never returns one that is being collected" do
    process = ruby_process(<<~'RUBY')
      list = EtcdDiscovery::WeakList.new
      kept = Array.new(10) { |n| "kept #{n}".tap { |text| list << text } }
      500.times do |n|
        100.times { |m| list << "dropped #{n} #{m}" }
        GC.start(full_mark: true, immediate_sweep: false) if (n % 50).zero?
        alive = list.to_a
        alive.each { |text| text.match?(/\A(kept|dropped) /) or raise "not ours: #{text.inspect}" }
        (kept - alive).empty? or raise "one that is needed is gone"
      end
      GC.start
      report list.to_a.size
    RUBY
    expect(process.heard).to be < 1_000
  end
end
