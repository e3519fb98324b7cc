# frozen_string_literal: true

RSpec.describe "a process without free descriptors" do
  # Takes every descriptor that the process may still open.
  let(:without_descriptors) { <<~'RUBY' }
    Process.setrlimit(:NOFILE, 64, Process.getrlimit(:NOFILE)[1])
    held = []
    begin
      loop { held << File.open("/dev/null") }
    rescue Errno::EMFILE
      nil
    end
  RUBY

  it "is refused subscriptions and writes with an error that names the limit, and reads still work" do
    etcd = start_etcd.tap { |server| server.ctl.put("/a/x", "x") }
    process = ruby_process(<<~RUBY, etcd)
      connect "/a/"
      #{without_descriptors}
      report [error_of { EtcdDiscovery.on_change("/a/") {} }, error_of { EtcdDiscovery.put("/a/x", "new") }]
      report EtcdDiscovery["/a/x"]
    RUBY
    expect(process.heard).to all include(class: "EtcdDiscovery::ResourceExhaustedError",
                                         message: /ulimit -n/)
    expect(process.heard).to eq "x"
  end

  it "writes nothing that it is refused, however fast etcd answers" do
    etcd = start_etcd.tap { |server| server.ctl.put("/a/x", "x") }
    before = etcd.ctl.current_revision
    process = ruby_process(<<~RUBY, etcd)
      connect "/a/"
      #{without_descriptors}
      report(Array.new(500) { |n| error_of { EtcdDiscovery.put("/a/x", n.to_s) }&.fetch(:class) }.uniq)
    RUBY
    expect(process.heard).to eq ["EtcdDiscovery::ResourceExhaustedError"]
    expect([etcd.ctl.get("/a/x"), etcd.ctl.current_revision]).to eq ["x", before]
  end
end
