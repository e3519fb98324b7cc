# frozen_string_literal: true

module Matrix
  # Runs a command whose end must not be missed: an interrupted run ends it before it goes on to clean up.
  module Command
    module_function

    # @param log [IO] gets what the command prints
    # @return [Boolean] whether the command succeeded
    def run(*command, log:, env: {}, **options)
      pid = Process.spawn(env, *command, in: File::NULL, out: log, err: log, pgroup: true, **options)
      Process.wait2(pid).last.success?
    rescue Interrupt
      Process.kill(:TERM, -pid)
      Process.wait(pid)
      raise
    end
  end
end
