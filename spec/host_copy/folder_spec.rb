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
end
