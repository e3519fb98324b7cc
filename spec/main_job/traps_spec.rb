# frozen_string_literal: true

# No lock may be taken in a signal handler: Ruby raises a ThreadError.
RSpec.describe "in a signal handler" do
  let(:etcd) { start_etcd }

  %w[status stop after_fork healthy? stale? snapshot].each do |name|
    it "`#{name}` works" do
      expect(answer("EtcdDiscovery.#{name}")).to eq "none"
    end
  end

  it "`deregister` works, and etcd has nothing left" do
    expect(answer("registration.deregister")).to eq "none"
    expect(etcd.ctl.read_prefix("/service/")).to be_empty
  end

  def answer(call)
    process = ruby_process(<<~RUBY, etcd)
      connect "/service/"
      registration = EtcdDiscovery.register("b", "10.0.0.1:1", id: "t", ttl: 10).wait
      error = nil
      trap(:USR1) { error = error_of { #{call} } || "none" }
      Process.kill(:USR1, Process.pid)
      wait_until("the handler") { error }
      report error
    RUBY
    process.heard
  end
end
