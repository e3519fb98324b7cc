# frozen_string_literal: true

module Matrix
  # Runs a command, and ends it when the run is interrupted, before anything is cleaned up.
  module Command
    module_function

    # @param log [IO] gets the command's output
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
