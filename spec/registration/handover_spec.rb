# frozen_string_literal: true

RSpec.describe "a service that is handed over" do
  let(:etcd) { start_etcd }

  def key = "/service/b/one"

  def process(address, ttl: 10)
    ruby_process(<<~RUBY, etcd).tap(&:heard)
      connect "/service/"
      EtcdDiscovery.register("b", "#{address}", id: "one", ttl: #{ttl}).wait(timeout: 30)
      report true
      hear
    RUBY
  end

  # The creation revision. A key that was deleted and written again has another one.
  def created
    JSON.parse(etcd.ctl.run("get", "--write-out=json", key)).fetch("kvs").first.fetch("create_revision")
  end

  it "exists at every moment: the new process's registration survives the end of the old one's" do
    old = process("10.1.1.60:8081")
    before = created
    new = process("10.1.1.60:8082")
    expect(etcd.ctl.get(key)).to eq "10.1.1.60:8082"
    old.tell
    old.finish
    expect(etcd.ctl.get(key)).to eq "10.1.1.60:8082"
    expect(created).to eq before
    expect(new.alive?).to be true
  end

  it "goes back to the old process when the new one dies" do
    process("10.1.1.60:8081")
    new = process("10.1.1.60:8082", ttl: 2)
    new.signal(:KILL)
    expect_soon("the old process's address", timeout: 60) { etcd.ctl.get(key) == "10.1.1.60:8081" }
  end
end
