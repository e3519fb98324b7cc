# frozen_string_literal: true

# The witness: `recorder.rb EPOCH EVIDENCE` follows all of etcd from one listing on, past every proxy, and
# tells on descriptor 3 what the watched ranges hold at each revision, none left out, see Summary:
#
#     R EPOCH REVISION TIME FEW TOTAL BULK
#
# What etcd said is in the file EVIDENCE, with a digest in place of each large value.

require_relative "../support/content"
require_relative "../../spec/support/gateway"
require_relative "../support/settings"

# One history, from one listing.
class Recorder
  # Seconds. There are writes all the time, so a member that is silent for longer has lost the others. But it
  # may also be putting together a change of 100,000 keys: it gets twice as long after each attempt in vain.
  SILENCE = (1..32)
  # Seconds for listing all there is.
  PATIENCE = 30
  # Bytes, in Base64: a value above that is large.
  LARGE = 50_000

  def initialize(epoch, evidence, reports)
    @epoch = epoch
    @evidence = File.open(evidence, "w")
    @reports = reports
    @gateway = Torture::Settings.gateway("root")
    @silence = SILENCE.min
  end

  def run
    begin_with_all
    loop { follow }
  end

  private

  def begin_with_all
    @revision, keys = Torture::Settings.gateway("root", timeout: PATIENCE).everything
    @heard_at = Harness.now
    watched = keys.select { |key, _| Torture::Content.watched?(key) }
    @few, @bulk = watched.partition { |key, _| Torture::Content.few?(key) }.map(&:to_h)
    @evidence.puts(JSON.generate(revision: @revision, base: base(watched)))
    @bulk_changed = true
    tell
  rescue Harness::Gateway::Failed
    sleep 0.05
    retry
  end

  def base(content) = Harness::Gateway.encode_all(content).transform_values { |value| shortened(value) }

  def follow
    heard = @revision
    create = { key: "AA==", range_end: "AA==", start_revision: (@revision + 1).to_s }
    @gateway.stream("/v3/watch", silence: @silence, create_request: create) { |answer| take(answer) }
  rescue Harness::Gateway::Failed
    @silence = @revision > heard ? SILENCE.min : [@silence * 2, SILENCE.max].min
    sleep 0.02
  end

  def take(answer)
    events = events(answer)
    @heard_at = Harness.now
    @evidence.puts(JSON.generate(events.map { |event| short(event) }))
    events.chunk_while { |one, other| revision(one) == revision(other) }.each { |group| apply(group) }
  end

  def events(answer)
    result = answer["result"] or raise Harness::Gateway::Failed, answer.inspect
    abort "the history was compacted before it was recorded: #{result}" if result["compact_revision"]
    raise Harness::Gateway::Failed, result.inspect if result["canceled"]

    result["events"] || []
  end

  def short(event)
    pair = event["kv"]
    large?(pair["value"]) ? event.merge("kv" => pair.merge("value" => shortened(pair["value"]))) : event
  end

  def large?(value) = value && value.size > LARGE

  def shortened(value)
    return value unless large?(value)

    "SHA-256 #{OpenSSL::Digest::SHA256.hexdigest(Base64.decode64(value))}"
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

    few = Torture::Content.few?(key)
    @bulk_changed ||= !few
    content = few ? @few : @bulk
    return content.delete(key) if event["type"] == "DELETE"

    content[key] = Base64.decode64(event["kv"]["value"] || "")
  end

  # The bulk changes seldom, and its digest takes long.
  def tell
    @bulk_digest = Torture::Content.digest(sorted(@bulk)) if @bulk_changed
    @bulk_changed = false
    summary = Torture::Content.summary(sorted(@few), @few.size + @bulk.size, @bulk_digest)
    @reports.syswrite("R #{@epoch} #{@revision} #{@heard_at} #{summary}\n")
  end

  def sorted(content) = content.sort_by(&:first)
end

trap(:INT, "IGNORE") # Ctrl-C is for the run, which then ends this
Recorder.new(Integer(ARGV[0]), ARGV[1], IO.for_fd(3, "w")).run
