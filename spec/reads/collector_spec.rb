# frozen_string_literal: true

# How long the readers below run. `ETCDDISCOVERY_SOAK=60 rspec spec/reads/collector_spec.rb` is the long
# version.
SOAK_SECONDS = Float(ENV.fetch("ETCDDISCOVERY_SOAK", "3"))

# Two threads read; one stresses the collector and compacts. Every value contains its number and its key, so
# that a value of another key, or of freed memory, shows.
READERS = <<~'RUBY'
  connect "/service/"
  names = Array.new(20) { |n| -"/service/#{n}" }
  wrong = Queue.new
  done = false
  check = lambda do |name, seen|
    value = EtcdDiscovery[name]
    number = Integer(value.delete_prefix("#{name} "), exception: false)
    wrong << [name, value] if number.nil? || number < seen[name]
    seen[name] = number || 0
    list = EtcdDiscovery.list(name)
    wrong << [name, list] unless list.size == 1 && list.first.start_with?("#{name} ")
  end
  readers = Array.new(2) do
    Thread.new do
      seen, revision, rounds = Hash.new(0), 0, 0
      until done
        names.each { |name| check.call(name, seen) }
        names.each { |name| check.call(name.dup, seen) }
        now = EtcdDiscovery.snapshot.revision
        wrong << [revision, now] if now < revision
        revision = now
        rounds += 1
      end
      rounds
    end
  end
  report "reading"
  deadline = now + Float(ENV.fetch("SECONDS"))
  names.cycle do |name|
    # Every allocation collects, in all threads, so a little of it is enough.
    GC.stress = true
    EtcdDiscovery[name]
    EtcdDiscovery["#{name}x"]
    EtcdDiscovery.snapshot[name]
    GC.stress = false
    GC.compact
    # Ruby 3.3 and later. It also compacts, and makes every object old.
    Process.warmup if Process.respond_to?(:warmup)
    sleep 0.05
    break if now > deadline
  end
  done = true
  report [readers.map(&:value).min, Array.new([wrong.size, 3].min) { wrong.pop }]
RUBY

RSpec.describe "reading under the garbage collector" do
  it "returns no value that was never written, and no revision goes back" do
    etcd = start_etcd
    names = Array.new(20) { |n| "/service/#{n}" }
    etcd.ctl.transaction(*names.map { |name| [:put, name, "#{name} 0"] })
    process = ruby_process(READERS, etcd, env: { "SECONDS" => SOAK_SECONDS.to_s })
    expect(process.heard).to eq "reading"
    writing = true
    writer = Thread.new do
      (1..).each do |number|
        etcd.ctl.transaction(*names.map { |name| [:put, name, "#{name} #{number}"] })
        break unless writing
      end
    end
    # Each of the three threads collects at every allocation, and one at a time. One round takes some seconds
    # of work, and minutes if other processes use the machine too.
    rounds, wrong = process.heard(timeout: SOAK_SECONDS + 600)
    writing = false
    writer.join
    expect(wrong).to be_empty
    expect(rounds).to be_positive
  end
end
