# frozen_string_literal: true

require "logger"
require "stringio"
require "tmpdir"

RSpec.describe "the copy on disk" do
  let(:etcd) { start_etcd }
  let(:folder) { Dir.mktmpdir("copy-") }
  let(:path) { File.join(folder, "copy") }
  let(:log) { StringIO.new }

  after { FileUtils.rm_rf(folder) }

  # Checks what another process reads from the file, not only that there is a file.
  def copier(*watched, **settings)
    client(etcd, *watched, cache_path: path, logger: Logger.new(log), progress_interval: 0.5, **settings)
  end

  # Ends once there is a copy of all `keys`.
  def leave_a_copy(**keys)
    keys.each { |key, value| etcd.ctl.put("/service/#{key}", value) }
    writer = copier("/service/").tap(&:start)
    wait_until("the copy") { File.exist?(path) }
    writer.stop
    writer
  end

  it "is served at once to a process that starts while etcd is away, is marked stale, and shows its age" do
    leave_a_copy(b: "before", blob: "\xFF\x00".b)
    etcd.kill9
    File.utime(Time.now, Time.now, path) # the file's own time proves nothing
    reader = copier("/service/").tap(&:start)
    expect(reader).to be_ready
    expect(bytes(reader.snapshot.to_h)).to eq("/service/b" => "before", "/service/blob" => "\xFF\x00".b)
    expect(reader.status).to have_attributes(from_cache: true, stale?: true, cache_error: nil)
    first = reader.status.age
    expect_soon("an age that grows") { reader.status.age > [first, 1].max }
    expect(EtcdDiscovery::Health.new(client: reader, max_staleness: 600)
                                .call("REQUEST_METHOD" => "GET", "PATH_INFO" => "/health").first).to eq 503
    expect(log.string).to match(/serving the copy on disk, last confirmed at 20.*#{etcd.endpoint}/)

    etcd.start
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
    expect_soon("etcd's confirmation") { !reader.status.from_cache && !reader.stale? }
    expect(reader.status).to have_attributes(relists: 0, resets: 0) # the history was there
    expect(bytes(reader.snapshot.to_h)).to eq etcd.ctl.read_prefix("/service/")
  end

  it "saves a starting process the listing, and is never shown while etcd answers" do
    leave_a_copy(b: "before", gone: "before")
    etcd.ctl.delete("/service/gone")
    etcd.ctl.put("/service/b", "after")
    reader = copier("/service/")
    expect(reader["/service/b"]).to eq "after"
    expect(reader.key?("/service/gone")).to be false
    expect(reader.status).to have_attributes(from_cache: false, stale?: false)
  end

  it "is dropped if the history after its revision is compacted" do
    leave_a_copy(b: "before", gone: "before")
    etcd.ctl.delete("/service/gone")
    etcd.ctl.compact(etcd.ctl.put("/service/b", "after"))
    reader = copier("/service/").tap(&:start)
    expect(bytes(reader.snapshot.to_h)).to eq("/service/b" => "after")
  end

  it "of another cluster is refused with a reason, and no one sees it" do
    leave_a_copy(b: "of the old one", old: "of the old one")
    etcd.kill9
    etcd.start_empty
    etcd.ctl.put("/service/b", "of the new one")
    reader = copier("/service/").tap(&:start)
    expect(bytes(reader.snapshot.to_h)).to eq("/service/b" => "of the new one")
    expect(reader.status.last_error).to be_a(EtcdDiscovery::CacheError)
    expect(reader.status.last_error.message).to include("another cluster")
  end

  it "of another cluster that was shown while etcd was away is replaced by etcd's content" do
    leave_a_copy(b: "of the old one", old: "of the old one")
    etcd.kill9
    reader = copier("/service/").tap(&:start)
    expect(reader["/service/old"]).to eq "of the old one"
    etcd.start_empty
    etcd.ctl.put("/service/b", "of the new one")
    expect_soon("the new cluster's content") { reader["/service/b"] == "of the new one" }
    expect(reader["/service/old"]).to be_nil
    expect_soon("the reset in the status") { reader.status.resets == 1 }
  end

  [
    ["cut short", ->(bytes) { bytes[0, bytes.size / 2] }, "checksum"],
    ["changed in one bit", lambda { |bytes|
                             bytes.dup.tap do |b|
                               b.setbyte(b.size - 20, b.getbyte(b.size - 20) ^ 1)
                             end
                           },
     "checksum"],
    ["of another program", ->(_) { "#!/bin/sh\nexit 1\n" }, "was not written by etcd_discovery"],
    ["empty", ->(_) { "" }, "was not written by etcd_discovery"],
    ["of a later release", ->(bytes) { bytes.dup.tap { |b| b.setbyte(8, 99) } }, "format 99"]
  ].each do |how, harm, reason|
    it "that is #{how} is refused with a log line, and written again once etcd is back" do
      leave_a_copy(b: "before")
      File.binwrite(path, harm.call(File.binread(path)))
      etcd.kill9
      reader = copier("/service/", boot_timeout: 1)
      expect { reader.start }.to raise_error(EtcdDiscovery::ConnectionError)
      expect(reader.status.cache_error.message).to include(path, reason)
      expect(log.string).to include(reason)

      etcd.start
      wait_until("the listing") { reader.ready? }
      expect_soon("a good copy") { reader.status.cache_error.nil? }
      etcd.kill9
      expect(copier("/service/").start["/service/b"]).to eq "before"
    end
  end

  it "is refused by a process that watches more than it holds, and serves one that watches less" do
    leave_a_copy(b: "before")
    etcd.kill9
    expect(copier("/service/b").start["/service/b"]).to eq "before"
    wider = copier("/service/", "/config/", boot_timeout: 1)
    expect { wider.start }.to raise_error(EtcdDiscovery::ConnectionError)
    expect(wider.status.cache_error.message).to include("does not hold all ranges that are watched")
  end

  it "is complete at every moment, for whichever process starts then" do
    etcd.ctl.transaction(*(0...120).map { |n| [:put, "/service/#{n}", "x" * 5_000] })
    writers = Array.new(2) { copier("/service/").tap(&:start) }
    wait_until("the copy") { File.exist?(path) }
    files = []
    wait_until("it to be replaced twice", timeout: 90) do
      etcd.ctl.put("/service/changing", files.size.to_s)
      files |= [File.stat(path).then { |file| [file.ino, file.mtime] }] # an inode's number is used again
      expect(File.size(path)).to be > 600_000
      files.size > 2
    end
    writers.each(&:stop)
    etcd.kill9
    expect(copier("/service/").start.snapshot.size).to eq 121
  end

  it "is readable only for its owner, and leaves no other file but its lock" do
    leave_a_copy(b: "secret")
    expect(File.stat(path).mode & 0o777).to eq 0o600
    expect(Dir.children(folder)).to contain_exactly("copy", "copy.lock")
  end

  it "that belongs to another user, or that another user may write, is refused" do
    leave_a_copy(b: "planted")
    File.chmod(0o622, path)
    etcd.kill9
    reader = copier("/service/", boot_timeout: 1)
    expect { reader.start }.to raise_error(EtcdDiscovery::ConnectionError)
    expect(reader.status.cache_error.message).to include("another user")
  end

  it "that cannot be written is reported, and does no other harm" do
    etcd.ctl.put("/service/b", "before")
    reader = copier("/service/").tap(&:start)
    wait_until("the copy") { File.exist?(path) }
    # Its writer may be in it at this moment.
    wait_until("the end of the folder") { FileUtils.rm_rf(folder) && !File.exist?(folder) }
    etcd.ctl.put("/service/b", "after")
    expect_soon("the trouble in the status") do
      reader.status.cache_error&.message&.include?("cannot write it")
    end
    expect_soon("the new value") { reader["/service/b"] == "after" }
    expect(reader).to be_healthy

    FileUtils.mkdir_p(folder)
    expect_soon("the copy, written again") { reader.status.cache_error.nil? && File.exist?(path) }
  end

  it "at a path that cannot be used stops no process: the log and the status report it" do
    etcd.ctl.put("/service/b", "there")
    # In the folder; otherwise its lock would stay beside it, and a copy at its path.
    Dir.mkdir(path)
    ["/nowhere/copy", path, "/dev/null/copy"].each do |wrong|
      reader = copier("/service/", cache_path: wrong).tap(&:start)
      expect(reader["/service/b"]).to eq "there"
      expect(reader.status.cache_error.message).to include(wrong)
      expect_soon("the line") { log.string.include?("the copy on disk, #{wrong}") }
    end
  end

  it "in a missing folder is written once the folder exists, and is reported once by a read that starts" do
    path = File.join(folder, "later/copy")
    reader = copier("/service/", cache_path: path)
    etcd.ctl.put("/service/b", "there")
    expect(reader["/service/b"]).to eq "there"
    expect_soon("a word about it") { log.string.scan("the copy on disk, #{path}").any? }
    FileUtils.mkdir(File.dirname(path))
    expect_soon("the copy") { reader.status.cache_error.nil? && File.exist?(path) }
  end

  # A process that may not read or write the folder's content: root may do everything, so it becomes another
  # user.
  def as_another_user(code, folder_rights, file_rights)
    root = Process.uid.zero?
    File.chmod(folder_rights, folder)
    Dir.children(folder).each { |name| root || File.chmod(file_rights, File.join(folder, name)) }
    File.chown(root && folder_rights == 0o700 ? 65_534 : nil, nil, folder)
    ruby_process(<<~RUBY, etcd, env: { "CACHE" => path })
      Process::UID.change_privilege(65_534) if Process.uid.zero?
      connect "/service/", cache_path: ENV.fetch("CACHE"), progress_interval: 0.5
      report EtcdDiscovery["/service/b"]
      #{code}
    RUBY
  end

  it "that another user has left in the application's folder is replaced, with its lock" do
    leave_a_copy(b: "before")
    etcd.ctl.put("/service/b", "after")
    process = as_another_user("hear", 0o700, 0)
    expect(process.heard).to eq "after"
    expect_soon("another copy") do
      File.stat(path).mode & 0o777 == 0o600 && File.binread(path).include?("after")
    end
  end

  it "in a read-only folder stops no process" do
    etcd.ctl.put("/service/b", "there")
    process = as_another_user("report EtcdDiscovery.status.cache_error.message", 0o555, 0o600)
    expect(process.heard).to eq "there"
    expect(process.heard).to include(path, "its folder cannot be written to (Permission denied")
  end

  it "that root leaves belongs to the owner of the folder, and root can read it again" do
    owner = Process.uid.zero? ? 65_534 : Process.uid
    File.chown(owner, nil, folder)
    leave_a_copy(b: "before")
    wait_until("the lock") { File.exist?("#{path}.lock") }
    expect(Dir.children(folder).map { |name| File.stat(File.join(folder, name)).uid }).to all(eq(owner))
    etcd.kill9
    expect(copier("/service/").start["/service/b"]).to eq "before"
  end

  it "of an absurd size is refused at once" do
    leave_a_copy(b: "before")
    File.truncate(path, 300 << 30)
    etcd.kill9
    reader = copier("/service/", boot_timeout: 1)
    expect { reader.start }.to raise_error(EtcdDiscovery::ConnectionError)
    expect(reader.status.cache_error.message).to include(path, "damaged")
  end

  it "with a pipe or a link instead of its lock is not written, and the status reports it" do
    target = File.join(folder, "target")
    [-> { File.mkfifo("#{path}.lock") }, -> { File.symlink(target, "#{path}.lock") }].each do |plant|
      plant.call
      reader = copier("/service/").tap(&:start)
      expect_soon("the trouble") do
        reader.status.cache_error&.message&.include?("#{path}.lock: it is not a regular")
      end
      expect([File.exist?(target), File.exist?(path)]).to eq [false, false]
      reader.stop
      File.delete("#{path}.lock")
    end
  end

  it "follows changes" do
    leave_a_copy(b: "before")
    reader = copier("/service/").tap(&:start)
    etcd.ctl.put("/service/b", "after")
    wait_until("the new value") { reader["/service/b"] == "after" }
    # As a process that starts now would find it.
    copied = -> { File.binread(path).include?("after") }
    expect_soon("the new value on disk", timeout: 60) { copied.call }
  end

  it "is written by the remaining processes when processes of the host fork and are killed" do
    etcd.ctl.put("/service/n", "0")
    code = <<~'RUBY'
      connect "/service/", cache_path: ENV.fetch("CACHE"), progress_interval: 0.2
      pids = 3.times.map { fork { EtcdDiscovery["/service/n"] && sleep } }
      report pids
      hear
    RUBY
    process = ruby_process(code, etcd, env: { "CACHE" => path })
    children = process.heard
    wait_until("the copy") { File.exist?(path) }
    [children.first, process.pid].each { |pid| Process.kill(:KILL, pid) }
    etcd.ctl.put("/service/n", "last")
    # The remaining ones still write: the dead process's lock is free.
    expect_soon("the last value on disk", timeout: 60) { File.binread(path).include?("last") }
  ensure
    children&.drop(1)&.each { |pid| Process.kill(:KILL, pid) }
  end
end
