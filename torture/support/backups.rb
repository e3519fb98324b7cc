# frozen_string_literal: true

require_relative "../../spec/support/backup"
require_relative "settings"

module Torture
  # What etcd held at some times of the run, in files.
  class Backups
    # Each has all that etcd's own file has: up to some hundred megabytes.
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
      nil # a member that is slow to answer: the next time
    end

    private

    def revision(path)
      Integer(Harness::Backup.tool("status", path, "--write-out=json")[/"revision":(\d+)/, 1])
    end
  end
end
