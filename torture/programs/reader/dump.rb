# frozen_string_literal: true

# The snapshots that a process has seen last, for evidence. To keep them costs little: they share what they
# have in common.
class Dump
  KEPT = 500

  def initialize(folder)
    @folder = folder
    @kept = []
    @wanted = false
    trap(:USR1) { @wanted = true }
  end

  def keep(snapshot)
    @kept << snapshot
    @kept.shift if @kept.size > KEPT
  end

  def write_if_wanted
    return unless @wanted

    @wanted = false
    lines = @kept.map do |snapshot|
      JSON.generate(revision: snapshot.revision, content: Harness::Gateway.encode_all(snapshot.to_h))
    end
    File.write(File.join(@folder, "snapshots-#{Process.pid}.jsonl"), "#{lines.join("\n")}\n")
  end
end
