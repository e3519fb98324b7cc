# frozen_string_literal: true

# `ulimit -u`, or a container's limit of processes: no thread can be started. Root is above the limit, so that
# the process takes another user.
RSpec.describe "a process that the system gives no more threads", if: Process.uid.zero? do
  let(:etcd) { start_etcd.tap { |server| %w[x y].each { |name| server.ctl.put("/a/#{name}", name) } } }

  limited = <<~'RUBY'
    # Of no other process, so that what others do does not count.
    user = 40_000 + Process.pid % 20_000
    connect "/a/", connect_in_children: "lazy"
    EtcdDiscovery["/a/x"]
    Process::Sys.setuid(user)
    no_more_threads = -> { Process.setrlimit(:NPROC, 1, Process.getrlimit(:NPROC)[1]) }
    again = -> { Process.setrlimit(:NPROC, Process.getrlimit(:NPROC)[1]) }
  RUBY

  it "reads the inherited copy in a forked child, says why it follows nothing, and follows once it can" do
    process = ruby_process(<<~RUBY, etcd)
      #{limited}
      in_child do
        no_more_threads.call
        report [EtcdDiscovery["/a/x"], EtcdDiscovery["/a/y"], EtcdDiscovery["/a/none"]]
        report EtcdDiscovery.status.last_error.then { |error| [error.class.name, error.message] }
        again.call
        hear
        wait_until("the change") { EtcdDiscovery["/a/x"] == "changed" }
        report EtcdDiscovery.healthy?
      end
    RUBY
    expect(process.heard).to eq ["x", "y", nil]
    expect(process.heard).to match ["EtcdDiscovery::ResourceExhaustedError", /ulimit -u.*reads go on/]
    etcd.ctl.put("/a/x", "changed")
    process.tell
    expect(process.heard).to be true
  end

  # Ruby 3.3.8 hangs at the next thread after a Thread.new that has failed.
  lone_ruby = <<~'RUBY'
    Process::Sys.setuid(40_000 + Process.pid % 20_000)
    Process.setrlimit(:NPROC, 1, Process.getrlimit(:NPROC)[1])
    Thread.new { nil } rescue nil
    Process.setrlimit(:NPROC, Process.getrlimit(:NPROC)[1])
    Thread.new { nil }.join
  RUBY

  it "is refused a subscription by an error that names the limit, and nothing is subscribed" do
    survives = system("timeout", "--signal=KILL", "20", RbConfig.ruby, "-e", lone_ruby)
    skip "Ruby #{RUBY_VERSION} itself hangs after a Thread.new that has failed" unless survives

    process = ruby_process(<<~RUBY, etcd)
      #{limited}
      calls = []
      no_more_threads.call
      report error_of { EtcdDiscovery.on_change("/a/") { calls << :refused } }
      again.call
      EtcdDiscovery.on_change("/a/") { calls << :accepted }
      EtcdDiscovery.put("/a/x", "changed")
      wait_until("the change") { calls.any? }
      report calls
    RUBY
    expect(process.heard).to match(hash_including(class: "EtcdDiscovery::ResourceExhaustedError",
                                                  message: /ulimit -u/))
    expect(process.heard).to eq ["accepted"]
  end
end
