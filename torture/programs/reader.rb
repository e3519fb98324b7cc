# frozen_string_literal: true

# A process that follows etcd, forks, and dies: `reader.rb SEED PROFILE EVIDENCE`. It tells on descriptor 3:
#
#     B PID TIME PARENT MAX_STALENESS                                   it begins
#     S PID TIME REVISION RESETS GENERATION DIGEST                      a snapshot that it sees
#     H PID TIME REVISION RESETS AGE STALE STATE SLOWEST READS …        five times a second
#     E PID TIME MESSAGE                                                something raised, or lied
#     X PID TIME                                                        it ends by itself
#
# On USR1 it writes the snapshots that it has seen last into the folder EVIDENCE.

require "etcd_discovery"
require_relative "../support/content"
require_relative "../support/settings"
require_relative "reader/dump"
require_relative "reader/follower"
require_relative "reader/speech"

PROFILES = {
  "plain" => { user: "wide" },
  "narrow" => { user: "narrow" },
  "eager" => { user: "wide", max_staleness: 3, progress_interval: 1 },
  "eager narrow" => { user: "narrow", max_staleness: 3, progress_interval: 1 }
}.freeze

settings = PROFILES.fetch(ARGV[1])
client = EtcdDiscovery::Client.new(
  endpoints: Torture::Settings.endpoints, watch: Torture::Content::RANGES,
  password: Torture::Settings::PASSWORDS.fetch(settings[:user]), **settings
)
begin
  client.start
rescue EtcdDiscovery::Error
  retry # it was started in the middle of a fault
end

trap(:INT, "IGNORE")
speech = Speech.new(IO.for_fd(3, "w"))
Follower.new(client, Random.new(Integer(ARGV[0])), speech, Dump.new(ARGV[2])).run
