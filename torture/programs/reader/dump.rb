# frozen_string_literal: true

# Keeps the latest snapshots of a process as evidence. This costs little, because they share unchanged
# content.
class Dump
  KEPT = 500
  # The bytes of keys and values to write, from the newest snapshot on. Of older ones only the few keys are
  # written.
  LIMIT = 50_000_000

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
    left = LIMIT
    File.open(File.join(@folder, "snapshots-#{Process.pid}.jsonl"), "w") do |file|
      @kept.reverse_each do |snapshot|
        pairs = left.positive? ? snapshot.to_a : few(snapshot)
        left -= pairs.sum { |key, value| key.bytesize + value.bytesize }
        file.puts(line(snapshot, pairs))
      end
    end
  end

  private

  def few(snapshot)
    Torture::Content::FEW_PREFIXES.flat_map { |prefix| snapshot.prefix(prefix).to_a }
  end

  def line(snapshot, pairs)
    content = Harness::Gateway.encode_all(pairs)
    JSON.generate(revision: snapshot.revision, size: snapshot.size, content:)
  end
end
