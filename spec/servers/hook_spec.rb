# frozen_string_literal: true

RSpec.describe "EtcdDiscovery.after_fork in the wrong place" do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "before") } }

  it "starts nothing before anything is configured or started, and nothing that was stopped" do
    process = ruby_process(<<~RUBY, etcd)
      EtcdDiscovery.after_fork
      configure "/service/"
      2.times { EtcdDiscovery.after_fork }
      in_child { 2.times { EtcdDiscovery.after_fork }; report EtcdDiscovery.ready? }
      report EtcdDiscovery.status.state
      EtcdDiscovery.start
      EtcdDiscovery.stop
      2.times { EtcdDiscovery.after_fork }
      in_child { 2.times { EtcdDiscovery.after_fork }; report error_of { EtcdDiscovery.put("/service/b", "x") } }
      report [EtcdDiscovery["/service/b"], wait_until("the end") { EtcdDiscovery.status.state == :stopped }]
    RUBY
    expect(process.heard).to be false
    expect(process.heard).to eq "stopped"
    expect(process.heard).to include(class: "EtcdDiscovery::ClosedError")
    expect(process.heard).to eq ["before", true]
  end

  it "leaves a process that did not fork unchanged, and gives a child one watch however often it is called" do
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      wait_until("the watch") { EtcdDiscovery.status.state == :watching }
      report true
      hear
      3.times { EtcdDiscovery.after_fork }
      threads = Array.new(4) { Thread.new { EtcdDiscovery.after_fork } }
      threads.each(&:join)
      report [EtcdDiscovery.status.reconnects, EtcdDiscovery.status.relists]
      in_child do
        Array.new(4) { Thread.new { EtcdDiscovery.after_fork } }.each(&:join)
        wait_until("the child's watch") { EtcdDiscovery.status.state == :watching }
        report Process.pid
        hear
      end
    RUBY
    process.heard
    own = Harness::ProcessTable.connections(process.pid, etcd.port)
    process.tell
    expect(process.heard).to eq [0, 0]
    child = process.heard
    expect(Harness::ProcessTable.connections(process.pid, etcd.port)).to match_array own
    expect(Harness::ProcessTable.connections(child, etcd.port).size).to be <= own.size
    process.tell
  end
end
