# frozen_string_literal: true

require "tmpdir"

# `ulimit -u`, or a container's limit of processes: no thread can be started. The limit does not apply to
# root, so the process becomes another user.
RSpec.describe "a process that cannot start threads", if: Process.uid.zero? do
  let(:etcd) { start_etcd.tap { |server| %w[x y].each { |name| server.ctl.put("/a/#{name}", name) } } }

  limited = <<~'RUBY'
    # A user without other processes, so that only this one counts.
    user = 40_000 + Process.pid % 20_000
    connect "/a/", connect_in_children: "lazy"
    EtcdDiscovery["/a/x"]
    Process::Sys.setuid(user)
    no_more_threads = -> { Process.setrlimit(:NPROC, 1, Process.getrlimit(:NPROC)[1]) }
    again = -> { Process.setrlimit(:NPROC, Process.getrlimit(:NPROC)[1]) }
  RUBY

  # Ruby 3.3.8 hangs at the next thread after a Thread.new that has failed.
  lone_ruby = <<~'RUBY'
    Process::Sys.setuid(40_000 + Process.pid % 20_000)
    Process.setrlimit(:NPROC, 1, Process.getrlimit(:NPROC)[1])
    Thread.new { nil } rescue nil
    Process.setrlimit(:NPROC, Process.getrlimit(:NPROC)[1])
    Thread.new { nil }.join
  RUBY

  def need_a_ruby_that_goes_on(code)
    survives = system("timeout", "--signal=KILL", "20", RbConfig.ruby, "-e", code)
    skip "Ruby #{RUBY_VERSION} itself hangs after a Thread.new that has failed" unless survives
  end

  it "reads the inherited copy in a forked child, says why it does not follow, and follows once it can" do
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
    expect(process.heard).to match ["EtcdDiscovery::ResourceExhaustedError", /ulimit -u.*reads still work/]
    etcd.ctl.put("/a/x", "changed")
    process.tell
    expect(process.heard).to be true
  end

  it "reads a followed file's content in a forked child, and follows the file once it can" do
    need_a_ruby_that_goes_on(lone_ruby)
    Dir.mktmpdir do |folder|
      File.chmod(0o755, folder) # for another user
      path = File.join(folder, "values.yml")
      File.write(path, "/a/file: old")
      process = ruby_process(<<~RUBY, etcd)
        reader = EtcdDiscovery::Client.new(source: #{path.inspect}, connect_in_children: "lazy").start
        #{limited}
        in_child do
          no_more_threads.call
          report reader["/a/file"]
          again.call
          hear
          report(wait_until("the change") { reader["/a/file"] == "new" })
        end
      RUBY
      expect(process.heard).to eq "old"
      File.write(path, "/a/file: new")
      process.tell
      expect(process.heard).to be true
    end
  end

  it "is refused a subscription with an error that names the limit, and nothing is subscribed" do
    need_a_ruby_that_goes_on(lone_ruby)
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

  it "is refused a registration whose liveness block gets no thread, and nothing is registered" do
    need_a_ruby_that_goes_on(lone_ruby)
    process = ruby_process(<<~RUBY, etcd)
      #{limited}
      no_more_threads.call
      report error_of { EtcdDiscovery.register("/a/own", "10.0.0.1:1", ttl: 30, liveness: -> { true }) }
      report EtcdDiscovery.client.registrations.to_a.size
      again.call
      revision = EtcdDiscovery.put("/a/x", "later")
      EtcdDiscovery.wait_for_revision(revision, timeout: 5)
      wait_until("the withdrawal") { EtcdDiscovery["/a/own"].nil? }
      report "withdrawn"
    RUBY
    expect(process.heard).to include class: "EtcdDiscovery::ResourceExhaustedError"
    expect([process.heard, process.heard]).to eq [0, "withdrawn"]
  end
end
