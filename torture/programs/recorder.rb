# frozen_string_literal: true

# The witness: `recorder.rb EPOCH EVIDENCE` follows all of etcd from one listing on, past every proxy, and
# tells on descriptor 3 the digest of the watched ranges at each revision, none left out:
#
#     R EPOCH REVISION DIGEST TIME
#
# What etcd said stands verbatim in the file EVIDENCE.

require_relative "../support/content"
require_relative "../../spec/support/gateway"
require_relative "../support/settings"

# One history, from one listing.
class Recorder
  # Somebody writes all the time: a member that is silent for longer has lost the others.
  SILENCE = 1

  def initialize(epoch, evidence, reports)
    @epoch = epoch
    @evidence = File.open(evidence, "w")
    @reports = reports
    @gateway = Torture::Settings.gateway("root")
  end

  def run
    begin_with_all
    loop { follow }
  end

  private

  def begin_with_all
    @revision, keys = @gateway.everything
    @heard_at = Harness.now
    @content = keys.select { |key, _| Torture::Content.watched?(key) }
    @evidence.puts(JSON.generate(revision: @revision, base: Harness::Gateway.encode_all(@content)))
    tell
  rescue Harness::Gateway::Failed
    sleep 0.05
    retry
  end

  def follow
    create = { key: "AA==", range_end: "AA==", start_revision: (@revision + 1).to_s }
    @gateway.stream("/v3/watch", silence: SILENCE, create_request: create) { |answer| take(answer) }
  rescue Harness::Gateway::Failed
    sleep 0.02
  end

  def take(answer)
    result = answer["result"] or raise Harness::Gateway::Failed, answer.inspect
    abort "the history was compacted before it was recorded: #{result}" if result["compact_revision"]
    raise Harness::Gateway::Failed, result.inspect if result["canceled"]

    @heard_at = Harness.now
    events = result["events"] || []
    @evidence.puts(JSON.generate(events))
    events.chunk_while { |one, other| revision(one) == revision(other) }.each { |group| apply(group) }
  end

  def revision(event) = Integer(event["kv"]["mod_revision"])

  # Every revision changes some key, so a number left out is a change that was not seen.
  def apply(events)
    revision = revision(events.first)
    abort "revision #{revision} came after #{@revision}" unless revision == @revision + 1

    events.each { |event| change(event) }
    @revision = revision
    tell
  end

  def change(event)
    key = Base64.decode64(event["kv"]["key"])
    return unless Torture::Content.watched?(key)
    return @content.delete(key) if event["type"] == "DELETE"

    @content[key] = Base64.decode64(event["kv"]["value"] || "")
  end

  def tell
    digest = Torture::Content.digest(@content.sort)
    @reports.syswrite("R #{@epoch} #{@revision} #{digest} #{@heard_at}\n")
  end
end

trap(:INT, "IGNORE") # Ctrl-C is for the run, which then ends this
Recorder.new(Integer(ARGV[0]), ARGV[1], IO.for_fd(3, "w")).run
