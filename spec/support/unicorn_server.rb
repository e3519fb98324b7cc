# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "child_process"
require_relative "cleanup"
require_relative "free_port"
require_relative "http"
require_relative "log_tail"
require_relative "process_table"

module Harness
  # A real unicorn that serves the example Rails application. Its workers share one port; to ask a
  # certain one, each has a unix socket of its own besides, named after its pid.
  class UnicornServer
    APPLICATION = File.expand_path("../../examples/rails_unicorn", __dir__)
    EXAMPLE_CONFIG = File.join(APPLICATION, "config/unicorn.rb")
    # The application has a Gemfile of its own, whatever Bundler this process itself runs under.
    BARE = { "BUNDLE_GEMFILE" => File.join(APPLICATION, "Gemfile"), "RUBYOPT" => nil, "RUBYLIB" => nil,
             "RAILS_ENV" => "production", "RACK_ENV" => "production", "LOG_LEVEL" => "warn" }.freeze
    # Rails boots in a second or two, on a busy machine in more.
    BOOT_LIMIT = 60

    attr_reader :port, :log

    def initialize(endpoints:, workers: 4, config: EXAMPLE_CONFIG, env: {})
      @port = FreePort.take
      @folder = Dir.mktmpdir("unicorn-")
      @log = File.join(@folder, "log")
      @config = config
      @environment = BARE.merge("ETCD_ENDPOINTS" => Array(endpoints).join(","), "WORKERS" => workers.to_s,
                                "LISTEN" => "127.0.0.1:#{port}", "WORKER_SOCKETS" => @folder, **env)
      @workers = workers
      Cleanup.add(self)
    end

    def start
      @process = ChildProcess.new("bundle", "exec", "unicorn", "-c", @config, "config.ru",
                                  env: @environment, log:, chdir: APPLICATION)
      await_workers(@workers)
      self
    end

    def url = "http://127.0.0.1:#{port}"

    # The newest unicorn master: after USR2 two of them live for a while, and a master's `title`
    # tells it from its workers.
    def master_pid = masters.max_by { |entry| start_time(entry.pid) }&.pid

    def master_pids = masters.map(&:pid)

    def worker_pids(master = master_pid)
      group.select { |entry| entry.parent == master && title(entry).include?("unicorn worker[") }
           .map(&:pid).sort
    end

    # Whoever the kernel picks.
    def get(path = "/") = Http.get_json(port, path)

    # This worker and no other.
    def ask(pid, path = "/") = Http.get_json(socket(pid), path)

    # `{ pid => answer }` of every worker.
    def ask_all(path = "/") = worker_pids.to_h { |pid| [pid, ask(pid, path)] }

    def socket(pid) = File.join(@folder, "#{pid}.sock")

    # Waits until that many workers of the newest master answer, and no other ones are left. With
    # `without`, until they are all other processes than those.
    def await_workers(count, without: [])
      WaitUntil.wait_until("#{count} workers to answer, none of them in #{without}", timeout: BOOT_LIMIT) do
        gone!
        pids = worker_pids
        pids.size == count && (pids & without).empty? && pids.all? { |pid| answers?(pid) } && pids
      end
    end

    def answers?(pid)
      ask(pid)["pid"] == pid
    rescue SystemCallError, Http::Failed
      false
    end

    def signal(name, pid = master_pid) = Process.kill(name, pid)

    def stop = @process&.stop(:QUIT)

    def close
      stop
      FileUtils.rm_rf(@folder)
    end

    def report = "#{self.class} on #{url}:\n#{LogTail.of(log)}"

    private

    def group = ProcessTable.in_group(@process.pid)

    def masters = group.select { |entry| title(entry).include?("unicorn master") }

    def title(entry) = ProcessTable.title(entry.pid)

    def start_time(pid)
      File.stat("/proc/#{pid}").ctime
    rescue SystemCallError
      Time.at(0)
    end

    # After USR2 and QUIT the first master is rightly gone; before any worker it is a failure.
    def gone!
      raise "unicorn ended while starting\n#{report}" if group.empty?
    end
  end
end
