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

  it "never returns an object that was collected and whose finalizer has not run yet" do
    process = ruby_process(<<~'RUBY')
      class Thing
        attr_reader :name

        def initialize = @name = "whole"
      end
      list = EtcdDiscovery::WeakList.new
      looks = 0
      seen = []
      look = proc { seen.concat(list.to_a.map(&:name)) && looks += 1 }
      GC.disable
      # Side by side in memory, so that whole pages become empty.
      things = Array.new(50_000) { Thing.new }
      # Finalized in one go with the things: one before them, one after them.
      ObjectSpace.define_finalizer(Object.new, look)
      things.each { |thing| list << thing }
      things = nil
      ObjectSpace.define_finalizer(Object.new, look)
      GC.enable
      GC.start
      report [looks, seen.uniq - ["whole"]]
    RUBY
    expect(process.heard).to eq [2, []]
  end

  it "still returns its objects once the process has had several Ractors" do
    process = ruby_process(<<~'RUBY')
      list = EtcdDiscovery::WeakList.new
      objects = Array.new(2) { Object.new }
      list << objects.first
      Ractor.new { nil }.take
      list << objects.last
      report list.to_a == objects
      list.delete(objects.first)
      report list.to_a == [objects.last]
    RUBY
    expect(Array.new(2) { process.heard }).to eq [true, true]
  end

  it "lets a process fork and end while clients are half swept" do
    process = ruby_process(<<~RUBY)
      def drop(count) = count.times { EtcdDiscovery::Client.new(endpoints: ["http://127.0.0.1:1"], watch: ["/"]) }
      20.times do
        drop(500)
        GC.start(immediate_sweep: false)
        in_child { true }
      end
      drop(500)
      GC.start(immediate_sweep: false)
      report true
    RUBY
    expect(process.heard(timeout: 60)).to be true
    expect(process.finish).to be_success
  end
end
