# frozen_string_literal: true

# Follows etcd as an application does, through the gem's public API. It executes commands: JSON lines of a
# method name and its arguments.

require_relative "../support/content"

# Keeps what it reads and what its subscribers get, for the account at the end. Snapshots share unchanged
# content.
class Application
  DIGESTS = 6

  # Raised when it does not see what it waits for.
  class NotSeen < StandardError; end

  def initialize(ranges, settings, limit)
    @ranges = ranges
    @limit = limit
    connect(*ranges, **settings)
    @snapshots = [EtcdDiscovery.snapshot]
    @changes = []
    ranges.each { |range| EtcdDiscovery.on_change(range) { |change| note(range, change) } }
  end

  def execute(command, *arguments)
    report public_send(command, *arguments)
  rescue EtcdDiscovery::TimeoutError, NotSeen => e
    report({ not_seen: "#{e.message}; #{EtcdDiscovery.status.inspect}" })
  end

  def see(key, number)
    EtcdDiscovery.wait_for(key, timeout: @limit) { |value| value.to_i >= number }
    sighting
  end

  def see_gone(prefix, left)
    EtcdDiscovery.wait_for("#{prefix}0", timeout: @limit, &:nil?)
    sighting.tap do
      size = @snapshots.last.size
      raise NotSeen, "one key of #{prefix} is gone, but #{size} keys are left, not #{left}" if size != left
    end
  end

  def see_stale(stale)
    deadline = now + @limit
    last = now
    until EtcdDiscovery.stale? == stale
      raise NotSeen, "stale? does not become #{stale}" if last > deadline

      sleep 0.01
      last = now
    end
    last
  end

  def watch_age(seconds)
    deadline = now + seconds
    ages = [EtcdDiscovery.status.age]
    while now < deadline
      sleep 0.05
      ages << EtcdDiscovery.status.age
    end
    ages.max
  end

  # Reports everything that was seen. `last` has, by key, the number that the subscribers must get last.
  def account(last)
    await_changes(last)
    chosen = @snapshots.each_slice([@snapshots.size.fdiv(DIGESTS).ceil, 1].max).map(&:last)
    { snapshots: @snapshots.map { |one| [one.revision, last.to_h { |key, _| [key, one[key].to_i] }] },
      digests: chosen.map { |one| [one.revision, Field::Content.digest(one)] },
      changes: @changes }
  end

  private

  def sighting
    at = now
    @snapshots << EtcdDiscovery.snapshot
    status = EtcdDiscovery.status
    [at, status.age, status.stale?]
  end

  def note(range, change)
    return if change.key.start_with?(Field::Content::MANY)

    @changes << [range, change.key, change.value&.to_i, change.revision]
  end

  def await_changes(last)
    deadline = now + @limit
    sleep 0.01 until notified?(last) || now > deadline
  end

  def notified?(last)
    @ranges.all? do |range|
      watched = last.select { |key, _| key == range || (range.end_with?("/") && key.start_with?(range)) }
      changes = @changes.select { |subscribed, _| subscribed == range }
      changes.to_h { |_, key, number| [key, number] } == watched
    end
  end
end

field = JSON.parse(ENV.fetch("FIELD"), symbolize_names: true)
application = Application.new(*field.values_at(:ranges, :settings, :limit))
report "ready"
while (line = hear)
  application.execute(*JSON.parse(line))
end
