# frozen_string_literal: true

require "logger"

RSpec.describe "the log" do
  parts = EtcdDiscovery::Events

  context "of a subject that repeats" do
    let(:throttle) { parts::Throttle.new }

    # The lines that pass the limit, and when, of one line a second for `seconds`.
    def passed(seconds)
      (0...seconds).filter_map do |now|
        others = throttle.pass("line #{now}", now)
        others ? [now, others] : throttle.release(now)&.then { |(_, more)| [now, more] }
      end
    end

    it "has the first lines at once, then fewer and fewer, and counts those that are held back" do
      times = passed(3_600)
      expect(times.first(6)).to eq [[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0]]
      gaps = times.map(&:first).drop(5).each_cons(2).map { |earlier, later| later - earlier }
      expect(gaps).to eq [10, 20, 40, 80, 160, 320, 640, 1_280]
      expect(times.size + times.sum(&:last)).to eq times.last.first + 1
    end

    it "has the last line in the end, when its time comes" do
      7.times { |now| throttle.pass("line #{now}", now) }
      expect(throttle.pass("the last", 7)).to be_nil
      expect(throttle.due(7)).to eq 8
      expect(throttle.release(14)).to be_nil
      expect(throttle.release(15)).to eq ["the last", 1]
      expect(throttle.release(1_000)).to be_nil
    end

    it "is like new after a quiet time" do
      passed(100)
      expect(Array.new(6) { |second| throttle.pass("again", 5_000 + second) }).to all(be_an(Integer))
    end
  end

  it "repeats a lost connection after a minute, and then at growing intervals up to an hour" do
    reminder = parts::Reminder.new
    reminder.begin(0)
    times = (1..20_000).select { |now| reminder.due?(now) }
    expect(times).to eq [60, 180, 420, 900, 1_860, 3_780, 7_380, 10_980, 14_580, 18_180]
    reminder.end
    expect([reminder.due?(1_000_000), reminder.due(1_000_000)]).to eq [false, nil]
  end

  context "of a client" do
    let(:etcd) { start_etcd }
    let(:lines) { Queue.new }
    let(:formatter) { ->(level, _, _, line) { lines << "#{level} #{line}" } }
    let(:logger) { Logger.new(StringIO.new, formatter:) }

    # With a copy for the whole host there is a line more, which says what the process does for its host.
    def next_line
      wait_until("a line") { !lines.empty? }
      line = lines.pop
      line.include?("follows etcd for all processes of this host") ? next_line : line
    end

    it "reports the connection, its loss, stale data and its return in lines that are useful on their own" do
      etcd.ctl.put("/a/x", "a secret")
      proxy = start_proxy(etcd)
      reader = client(proxy, "/a/", logger:, max_staleness: 3, progress_interval: 0.2, backoff_cap: 0.2)
      reader.start
      me = "etcd_discovery\\[#{Process.pid}\\]:"
      at = Regexp.escape(proxy.endpoint)
      there = "etcd 3\\.\\S+ at #{at}"
      expect(next_line).to match(/\AINFO #{me} connected to #{there}; serving revision \d+ \(1 key\)\z/)
      proxy.refuse
      served = "still serving revision \\d+ \\(1 key\\)"
      expect(next_line)
        .to match(/\AWARN #{me} disconnected from etcd #{at} \((?!#{at}).+\); #{served}; retrying every 0/)
      expect(next_line).to match(/\AERROR #{me} stale: .* \d+\.\d s \(max_staleness is 3 s\); .*; #{served}/)
      proxy.pass
      expect([next_line, next_line])
        .to contain_exactly(match(/\AINFO #{me} reconnected to #{there} after \d+\.\d s; serving revision/),
                            match(/\AINFO #{me} fresh: etcd confirmed the data again after/))
    end

    it "says what to correct after a refusal, and never the password" do
      Harness::EtcdUsers.new(etcd).enforce
      refused = client(etcd, "/a/", logger:, user: "root", password: "hunter2")
      expect { refused.start }.to raise_error(EtcdDiscovery::AuthenticationError)
      line = next_line
      expect(line).to match(/\AERROR .* refuses this client .* no data yet; correct/)
      expect(line).not_to include("hunter2")
    end

    it "contains no line and no control character forged by a key" do
      reader = client(etcd, "/a/", "/service/", logger:).start
      next_line
      odd = ["/a/x\nERROR forged", "/a/\xFF\e[2J".b, "/a/caf\u00e9"]
      odd.each do |key|
        reader.wait_for_revision(reader.put(key, "much"), timeout: 10)
        reader.integer(key, 0)
      end
      expect(Array.new(3) { next_line }).to match [%r{"/a/x\\nERROR forged" at}, %r{"/a/\\xff\\x1b\[2J" at},
                                                   %r{"/a/caf\u00e9" at}]
      reader.wait_for_revision(reader.put("/service/b/\e\xFF\nERROR".b, "no address"), timeout: 10)
      reader.service("b").instances
      expect(next_line).to match(%r{b: "/service/b/\\x1b\\xff\\nERROR" is not a valid instance})
    end

    it "contains no line forged by an error of the application's block" do
      reader = client(etcd, "/a/", "/service/", logger:).start
      next_line
      reader.on_change("/a/") { |change| raise "bad #{change.value}" }
      reader.put("/a/x", "\e[2J\nERROR forged")
      expect(next_line).to end_with('bad \x1b[2J\nERROR forged')
    end

    it "limits a block that keeps failing like everything else" do
      reader = client(etcd, "/a/", logger:).start
      called = Queue.new
      reader.on_change("/a/") { |change| (called << change) && raise("on purpose") }
      20.times do |n|
        reader.put("/a/x", n.to_s)
        called.pop
      end
      expect_soon("the lines") { lines.size >= 7 }
      failures = Array.new(lines.size) { lines.pop }.grep(/on purpose/)
      expect(failures.size).to eq parts::Throttle::BURST
    end

    it "names the block that ends the process with `exit`" do
      process = ruby_process(<<~RUBY, etcd)
        require "logger"
        configure "/a/", logger: Logger.new($stderr)
        EtcdDiscovery.subscribe(:connect) { exit 3 }
        EtcdDiscovery.start
        sleep
      RUBY
      expect(process.finish.exitstatus).to eq 3
      expect(File.read(process.log)).to include("the block of subscribe called exit at connect (status 3)")
    end

    it "names the block that raises Interrupt or a signal, and the next block is called" do
      reader = client(etcd, "/a/", logger:)
      called = Queue.new
      [Interrupt, SignalException.new("TERM")].each { |error| reader.subscribe(:connect) { raise error } }
      reader.subscribe(:connect) { |event| called << event.name }
      reader.start
      expect(called.pop).to eq :connect
      failures = Array.new(3) { next_line }.grep(/the block of subscribe failed at connect/)
      expect(failures).to match_array [include(": Interrupt: "), include(": SignalException: SIGTERM")]
    end

    it "survives a logger that fails" do
      logger.define_singleton_method(:info) { |_| raise "disk full" }
      received = Queue.new
      reader = client(etcd, "/a/", logger:)
      reader.subscribe(:connect, :disconnect) { |event| received << event.name }
      reader.start
      wait_until("the first connection") { received.size == 1 }
      etcd.kill9
      expect_soon("the loss") { received.size == 2 }
    end
  end
end
