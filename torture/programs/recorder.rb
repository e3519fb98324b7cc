# frozen_string_literal: true

# Records the true history: `recorder.rb EPOCH EVIDENCE` lists all of etcd once and then follows it without
# any proxy. On descriptor 3 it reports what the watched ranges hold at every revision, see Summary:
#
#     R EPOCH REVISION TIME FEW TOTAL BULK
#
# The file EVIDENCE gets etcd's answers, with a digest instead of each large value.

require_relative "../support/content"
require_relative "../../spec/support/gateway"
require_relative "../support/settings"

# Records one history, starting with one listing.
class Recorder
  # The timeout of a silent stream in seconds. There are writes all the time, so a silent member has lost the
  # others. But it may also be preparing a change of 100,000 keys, so the timeout doubles after each failed
  # attempt.
  SILENCE = (1..32)
  # The timeout of the listing in seconds.
  LISTING_TIMEOUT = 30
  # The size in bytes of Base64 above which a value is large.
  LARGE = 50_000

  def initialize(epoch, evidence, reports)
    @epoch = epoch
    @evidence = File.open(evidence, "w")
    @reports = reports
    @gateway = Torture::Settings.gateway("root")
    @silence = SILENCE.min
  end

  def run
    list
    loop { follow }
  end

  private

  def list
    @revision, keys = Torture::Settings.gateway("root", timeout: LISTING_TIMEOUT).everything
    @received_at = Harness.now
    watched = keys.select { |key, _| Torture::Content.watched?(key) }
    @few, @bulk = watched.partition { |key, _| Torture::Content.few?(key) }.map(&:to_h)
    @evidence.puts(JSON.generate(revision: @revision, base: base(watched)))
    @bulk_changed = true
    report
  rescue Harness::Gateway::Failed
    sleep 0.05
    retry
  end

  def base(content) = Harness::Gateway.encode_all(content).transform_values { |value| shortened(value) }

  def follow
    before = @revision
    create = { key: "AA==", range_end: "AA==", start_revision: (@revision + 1).to_s }
    @gateway.stream("/v3/watch", silence: @silence, create_request: create) { |answer| take(answer) }
  rescue Harness::Gateway::Failed
    @silence = @revision > before ? SILENCE.min : [@silence * 2, SILENCE.max].min
    sleep 0.02
  end

  def take(answer)
    events = events(answer)
    @received_at = Harness.now
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

  # Applies the events of one revision. Every revision changes some key, so a gap means a missed change.
  def apply(events)
    revision = revision(events.first)
    abort "revision #{revision} came after #{@revision}" unless revision == @revision + 1

    events.each { |event| change(event) }
    @revision = revision
    report
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

  # Reports the current content. The digest of the bulk is kept, because it takes long and the bulk rarely
  # changes.
  def report
    @bulk_digest = Torture::Content.digest(sorted(@bulk)) if @bulk_changed
    @bulk_changed = false
    summary = Torture::Content.summary(sorted(@few), @few.size + @bulk.size, @bulk_digest)
    @reports.syswrite("R #{@epoch} #{@revision} #{@received_at} #{summary}\n")
  end

  def sorted(content) = content.sort_by(&:first)
end

trap(:INT, "IGNORE") # Ctrl-C ends the run, which then ends this process
Recorder.new(Integer(ARGV[0]), ARGV[1], IO.for_fd(3, "w")).run
