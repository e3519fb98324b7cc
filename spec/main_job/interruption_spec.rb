# frozen_string_literal: true

RSpec.describe "a caller that waits for etcd" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "before") } }
  # Accepts connections and never answers. Callers would wait for their own limit, which is ten minutes in
  # these processes.
  let(:silent) { start_proxy(etcd).tap(&:blackhole) }

  it "can be interrupted in start by Timeout, Thread#kill and Thread#raise, and start again" do
    process = ruby_process(<<~RUBY, silent)
      require "timeout"
      configure "/service/", boot_timeout: 600
      report error_of { Timeout.timeout(0.3) { EtcdDiscovery.start } }

      starting = -> { Thread.new { Thread.current.report_on_exception = false; EtcdDiscovery.start } }
      asleep = ->(thread) { wait_until("the thread to wait") { thread.status == "sleep" } }
      killed = starting.call
      asleep.call(killed)
      report killed.kill.join(30) && killed.status

      raised = starting.call
      asleep.call(raised)
      raised.raise(ArgumentError, "on purpose")
      report error_of { raised.join(30) }
      hear
      EtcdDiscovery.start
      report EtcdDiscovery["/service/b"]
    RUBY
    expect(process.heard).to include(class: "Timeout::Error")
    expect(process.heard).to be false # Ruby's value for a thread that ended without an exception
    expect(process.heard).to include(class: "ArgumentError", message: "on purpose")
    silent.pass
    process.tell
    expect(process.heard(timeout: 60)).to eq "before"
  end

  it "lets signal handlers and other threads run in start" do
    process = ruby_process(<<~RUBY, silent)
      trap(:USR1) { report "handled" }
      ticks = 0
      Thread.new { loop { ticks += 1; sleep 0.001 } }
      configure "/service/", boot_timeout: 600
      report "starting"
      starting = Thread.new { wait_until("ticks") { ticks > 5 }; at = ticks; wait_until("more") { ticks > at + 50 }; report "ticked" }
      EtcdDiscovery.start
      starting.join
      report EtcdDiscovery["/service/b"]
    RUBY
    expect(process.heard).to eq "starting"
    expect(process.heard).to eq "ticked"
    process.signal(:USR1)
    expect(process.heard).to eq "handled"
    silent.pass
    expect(process.heard(timeout: 60)).to eq "before"
  end

  %i[INT TERM].each do |signal|
    it "ends with the process on #{signal} in start, running its at_exit blocks" do
      process = ruby_process(<<~RUBY, silent)
        at_exit { report "at exit" }
        configure "/service/", boot_timeout: 600
        report "starting"
        EtcdDiscovery.start
      RUBY
      expect(process.heard).to eq "starting"
      process.signal(signal)
      expect(process.heard).to eq "at exit"
      expect(process.finish.termsig).to eq Signal.list.fetch(signal.to_s)
    end
  end

  it "does not keep the process from ending in start" do
    process = ruby_process(<<~RUBY, silent)
      configure "/service/", boot_timeout: 600
      thread = Thread.new { EtcdDiscovery.start }
      wait_until("the thread to wait") { thread.status == "sleep" }
      report "leaving"
    RUBY
    expect(process.heard).to eq "leaving"
    expect(process.finish).to be_success
  end

  it "can be interrupted in put by Timeout and Thread#kill, and put again" do
    proxy = start_proxy(etcd)
    process = ruby_process(<<~RUBY, proxy)
      require "timeout"
      connect "/service/", request_timeout: 600
      report "connected"
      hear
      report error_of { Timeout.timeout(0.3) { EtcdDiscovery.put("/service/c", "lost") } }
      thread = Thread.new { EtcdDiscovery.put("/service/c", "lost") }
      wait_until("the thread to wait") { thread.status == "sleep" }
      report thread.kill.join(30) && thread.status
      report EtcdDiscovery["/service/b"]
      hear
      EtcdDiscovery.put("/service/d", "arrived")
      report "put"
    RUBY
    expect(process.heard).to eq "connected"
    proxy.blackhole
    process.tell
    expect(process.heard).to include(class: "Timeout::Error")
    expect(process.heard).to be false
    expect(process.heard).to eq "before"
    proxy.pass
    process.tell
    expect(process.heard(timeout: 60)).to eq "put"
    expect(etcd.ctl.get("/service/d")).to eq "arrived"
  end

  # An interrupt that jumps over Rust's frames would leave what they own: the sockets of a waker, each time.
  it "leaves no thread and no descriptor behind after 200 interrupted starts" do
    process = ruby_process(<<~RUBY, silent)
      require "timeout"
      configure "/service/", boot_timeout: 600
      threads = -> { Dir.children("/proc/self/task").size }
      descriptors = -> { Dir.children("/proc/self/fd").size }
      interrupt = -> { error_of { Timeout.timeout(0.005) { EtcdDiscovery.start } } }
      # The session's thread stays. On a busy machine the time may be up before there is one.
      session = -> { Dir.glob("/proc/self/task/*/comm").any? { |file| File.read(file).start_with?("etcd_disc") rescue false } }
      wait_until("the session's thread") { interrupt.call; session.call }
      before, open = threads.call, descriptors.call
      200.times { interrupt.call }
      GC.start
      # Ruby keeps the threads of Timeout for a while after they have ended.
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 30
      Thread.pass while threads.call > before && Process.clock_gettime(Process::CLOCK_MONOTONIC) < deadline
      report [threads.call - before, descriptors.call - open]
      hear
      EtcdDiscovery.start
      report EtcdDiscovery["/service/b"]
    RUBY
    # A few of the session's own sockets come and go.
    expect(process.heard(timeout: 60)).to match([be <= 0, be < 20])
    silent.pass
    process.tell
    expect(process.heard(timeout: 60)).to eq "before"
  end
end
