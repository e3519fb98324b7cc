# frozen_string_literal: true

# Each waiting thread and each client holds descriptors of this process, which a forked child has to close.
RSpec.describe "a process with many waits" do
  let(:etcd) { start_etcd }

  def descriptors = Dir.children("/proc/self/fd").size

  it "lets 300 threads wait at once, writes meanwhile, and wakes them all with the change" do
    reader = client(etcd, "/").tap(&:start)
    before = descriptors
    waiting = Array.new(300) { Thread.new { reader.wait_for("/go", timeout: 60) } }
    wait_until("300 threads to wait") { waiting.all?(&:stop?) }

    reader.put("/go", "now")
    expect(waiting.map(&:value).uniq).to eq ["now"]
    wait_until("their descriptors to be closed") { descriptors < before + 300 }
  end

  it "gets its watch back after a restart of etcd while 300 threads wait" do
    reader = client(etcd, "/").tap(&:start)
    waiting = Array.new(300) { Thread.new { reader.wait_for("/go", timeout: 60) } }
    wait_until("300 threads to wait") { waiting.all?(&:stop?) }

    etcd.kill9
    etcd.start
    etcd.ctl.put("/go", "again")
    expect(waiting.map(&:value).uniq).to eq ["again"]
  end

  it "starts 200 clients" do
    clients = Array.new(200) { |number| client(etcd, "/#{number}").tap(&:start) }
    expect(clients).to all be_ready
  end
end
