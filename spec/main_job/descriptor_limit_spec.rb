# frozen_string_literal: true

RSpec.describe "a process without free descriptors" do
  it "is refused subscriptions and writes with an error that names the limit, and reads still work" do
    etcd = start_etcd.tap { |server| server.ctl.put("/a/x", "x") }
    process = ruby_process(<<~'RUBY', etcd)
      connect "/a/"
      Process.setrlimit(:NOFILE, 64, Process.getrlimit(:NOFILE)[1])
      held = []
      begin
        loop { held << File.open("/dev/null") }
      rescue Errno::EMFILE
        report [error_of { EtcdDiscovery.on_change("/a/") {} }, error_of { EtcdDiscovery.put("/a/x", "new") }]
        report EtcdDiscovery["/a/x"]
      end
    RUBY
    expect(process.heard).to all include(class: "EtcdDiscovery::ResourceExhaustedError",
                                         message: /ulimit -n/)
    expect(process.heard).to eq "x"
  end
end
