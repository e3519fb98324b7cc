# frozen_string_literal: true

require_relative "app_server"

module Harness
  # A real unicorn. By default it serves the example Rails application.
  class UnicornServer < AppServer
    EXAMPLE_CONFIG = File.join(RAILS.folder, "config/unicorn.rb")
    COMMON = <<~RUBY
      worker_processes Integer(ENV.fetch("WORKERS"))
      listen ENV.fetch("LISTEN")
    RUBY

    def initialize(application: RAILS, config: EXAMPLE_CONFIG, **options)
      super(application:, config: config.end_with?(".rb") ? config : COMMON + config, **options)
    end

    # The newest unicorn master. After USR2 two of them live for a while; a master's title differs from its
    # workers'.
    def master_pid = masters.max_by(&:started)&.pid

    def master_pids = masters.map(&:pid)

    def worker_pids(master = master_pid)
      titled(/unicorn worker\[/).select { |entry| entry.parent == master }.map(&:pid).sort
    end

    def replace_gracefully = replace(with: :QUIT)

    def stop = @process&.stop(:QUIT)

    private

    def command = ["unicorn", "-c", @config, "config.ru"]

    def masters = titled(/unicorn master/)
  end
end
