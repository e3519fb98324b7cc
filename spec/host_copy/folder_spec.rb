# frozen_string_literal: true

require_relative "host"

RSpec.describe "a folder for the host copy" do
  include_context "with a host"

  # Where another user could have put anything.
  def of_another_user
    return "/usr" unless Process.uid.zero?

    new_folder.tap { |path| File.chown(65_534, nil, path) }
  end

  def too_open = new_folder.tap { |path| File.chmod(0o755, path) }

  def a_file = File.join(new_folder, "file").tap { |path| File.write(path, "") }

  def a_link = File.join(new_folder, "link").tap { |path| File.symlink(new_folder, path) }

  def too_long = File.join(new_folder, "x" * 100)

  def nowhere = File.join(new_folder, "none", "below")

  {
    of_another_user: /only this user can enter/, too_open: /only this user can enter/,
    a_file: /only this user can enter/, a_link: /only this user can enter/,
    too_long: /too long a path/, nowhere: /No such file or directory/
  }.each do |kind, reason|
    it "that is of no use (#{kind}) leaves the process to follow by itself, and the status says why" do
      process = member(host_copy: public_send(kind))
      expect(ask(process, "EtcdDiscovery.status.host_copy_error.message"))
        .to match(reason).and include("this process follows etcd by itself")
      expect(ask(process, "EtcdDiscovery.status.to_h.values_at(:role, :leader_pid)")).to eq ["orphan", nil]
      expect_all_to_read([process], "second")
    end
  end

  it "that is missing is made for this user alone, and holds no data" do
    path = File.join(folder, "made")
    process = member(host_copy: path)
    expect_soon("a leader") { role_of(process) == :leader }
    expect_all_to_read([process], "second")
    expect(File.stat(path).mode & 0o777).to eq 0o700
    expect(Dir.children(path).map { |name| File.extname(name) }).to match_array %w[.lock .sock]
    expect(Dir.glob(File.join(path, "*.lock")).sum { |file| File.size(file) }).to eq 0
  end

  it "that is emptied while the processes run brings them together again" do
    processes = leader_and_followers(2)
    Dir.children(folder).each { |name| File.unlink(File.join(folder, name)) }
    expect_soon("a new lock") { HostCopy.lock_holder(folder) }
    expect_all_to_read(processes, "second")
    expect_soon("one leader") do
      processes.map { |process| role_of(process) }.tally == { leader: 1, follower: 2 }
    end
    expect_one_watch
  end

  it "that is relative stays the same folder for a child that works in another one" do
    before = "Dir.chdir('#{folder}'); take_part; Dir.chdir('#{new_folder}')"
    processes = master_and_workers(2, before:, in_worker: "EtcdDiscovery['/service/b']", host_copy: "own")
    expect_roles(processes, leader: 1, follower: 2)
    expect_all_to_read(processes, "second")
    expect_one_watch
  end

  it "that has two paths by a mount is one folder for two clients of a process, one of whom leads" do
    under = %w[unshare --map-root-user --mount]
    skip "a mount of its own is not possible here" unless system(*under, "mount", "--bind", "/tmp", "/tmp")

    process = member(process: { under: })
    other = new_folder
    ask(process, <<~RUBY)
      system("mount", "--bind", "#{folder}", "#{other}", exception: true)
      @clients = ["#{folder}", "#{other}"].map do |host_copy|
        EtcdDiscovery::Client.new(endpoints: ENV["ENDPOINTS"].split(","), watch: ["/other/"], host_copy:).start
      end
      nil
    RUBY
    roles = -> { ask(process, "@clients.map { |client| client.status.role }").sort }
    expect_soon("one leader") { roles.call == %w[follower leader] }
  end
end
