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
  # A real application server. Its workers share one port. Each also has a unix socket named after its pid, so
  # that a spec can ask a particular process.
  #
  # A kind of server defines the `command` that starts it and which processes are its `worker_pids`.
  class AppServer
    # The served application: its folder, the prefix of its server's command, and its environment.
    Application = Struct.new(:folder, :prefix, :environment)

    ROOT = File.expand_path("../..", __dir__)
    CLEAN = { "RUBYOPT" => nil, "RUBYLIB" => nil, "BUNDLE_GEMFILE" => nil,
              "RAILS_ENV" => "production", "RACK_ENV" => "production", "LOG_LEVEL" => "warn" }.freeze
    # A Rails application with its own Gemfile, whatever Bundler this process itself runs under.
    RAILS = Application.new(
      File.join(ROOT, "examples/rails_unicorn"), %w[bundle exec],
      CLEAN.merge("BUNDLE_GEMFILE" => File.join(ROOT, "examples/rails_unicorn/Gemfile"))
    )
    # The small application that reports everything the specs of servers ask. It shortens waits of seconds.
    SMALL = Application.new(
      File.join(ROOT, "spec/servers/application"), [],
      CLEAN.merge("RUBYLIB" => File.join(ROOT, "lib"), "ETCDDISCOVERY_MAX_STALENESS" => "2",
                  "ETCDDISCOVERY_PROGRESS_INTERVAL" => "0.3", "ETCDDISCOVERY_BACKOFF_CAP" => "0.5",
                  "ETCDDISCOVERY_BOOT_TIMEOUT" => "30")
    )
    # Rails boots in a second or two, on a busy machine in more.
    BOOT_LIMIT = 120

    attr_reader :port, :log

    # `config` is the path of a configuration file, or the lines of one.
    def initialize(endpoints:, workers: 4, application: SMALL, config: "", env: {})
      @port = FreePort.take
      @folder = Dir.mktmpdir("server-")
      @log = File.join(@folder, "log")
      @config = File.file?(config) ? config : written(config)
      @application = application
      @workers = workers
      @environment = application.environment.merge(
        "ETCD_ENDPOINTS" => Array(endpoints).join(","), "WORKERS" => workers.to_s,
        "LISTEN" => "127.0.0.1:#{port}", "WORKER_SOCKETS" => @folder, **env
      )
      Cleanup.add(self)
    end

    def start
      @process = ChildProcess.new(*@application.prefix, *command, env: @environment, log:,
                                                                  chdir: @application.folder)
      await_workers(@workers)
      self
    end

    def url = "http://127.0.0.1:#{port}"

    # The process that was started: the one that forks, if any does.
    def master_pid = @process.pid

    # The process that forks workers, once the server runs.
    def parent_pid = master_pid

    # Asks whichever process the server picks.
    def get(path = "/") = Http.get_json(port, path)

    # Asks this process and no other.
    def ask(pid, path = "/") = Http.get_json(socket(pid), path)

    # `{ pid => answer }` of every worker.
    def ask_all(path = "/") = worker_pids.to_h { |pid| [pid, ask(pid, path)] }

    def socket(pid) = File.join(@folder, "#{pid}.sock")

    # Waits until that many workers answer, and no others are left. With `without`, until all of them are
    # processes other than those.
    def await_workers(count, without: [])
      WaitUntil.wait_until("#{count} workers to answer, none of them in #{without}", timeout: BOOT_LIMIT) do
        gone!
        pids = worker_pids
        pids.size == count && (pids & without).empty? && pids.all? { |pid| answers?(pid) } && pids
      end
    end

    # Ends a worker, and waits until it is gone and another one listens instead.
    def replace(with: :KILL)
      known = worker_pids
      victim = (known - [parent_pid]).last
      Process.kill(with, victim)
      WaitUntil.wait_until("a successor of #{victim}", timeout: BOOT_LIMIT) do
        successor(known) unless ProcessTable.alive?(victim)
      end
    end

    # Asks a worker to leave in good order, so that its at_exit blocks run.
    def replace_gracefully = replace(with: :TERM)

    def answers?(pid)
      ask(pid)["pid"] == pid
    rescue SystemCallError, Http::Failed
      false
    end

    def signal(name, pid = master_pid) = Process.kill(name, pid)

    # The exit status, once it has ended by itself.
    def finish = @process.wait(timeout: BOOT_LIMIT)

    def stop = @process&.stop

    def close
      stop
      FileUtils.rm_rf(@folder)
    end

    def report = "#{self.class} on #{url}:\n#{LogTail.of(log)}"

    private

    def written(config)
      File.join(@folder, "config.rb").tap { |path| File.write(path, config) }
    end

    def group = ProcessTable.in_group(@process.pid)

    # The processes of the group with such a title.
    def titled(pattern) = group.select { |entry| ProcessTable.title(entry.pid).match?(pattern) }

    def successor(known) = (worker_pids - known).find { |pid| File.socket?(socket(pid)) }

    # After a restart the first master may be gone; before any worker that is a failure.
    def gone!
      raise "#{self.class} ended while starting\n#{report}" if group.empty?
    end
  end
end
