# frozen_string_literal: true

require_relative "../../spec/support/backup"
require_relative "settings"

module Torture
  # Snapshot files of etcd, taken during the run.
  class Backups
    # The number of files kept. Each is as large as etcd's own database: up to some hundred megabytes.
    KEPT = 4
    Backup = Struct.new(:path, :revision)

    def initialize(folder, random)
      @folder = folder
      @random = random
      @made = 0
      @kept = []
    end

    def sample = @kept.sample(random: @random)

    def make(member)
      path = File.join(@folder, "backup-#{@made += 1}")
      member.ctl.with("--user=root:#{Settings::PASSWORDS['root']}").run("snapshot", "save", path)
      @kept << Backup.new(path, revision(path))
      File.unlink(@kept.delete_at(@random.rand(KEPT)).path) if @kept.size > KEPT
    rescue Harness::Etcdctl::Failed
      nil # the member was slow to answer; the next round tries again
    end

    private

    def revision(path)
      Integer(Harness::Backup.tool("status", path, "--write-out=json")[/"revision":(\d+)/, 1])
    end
  end
end
