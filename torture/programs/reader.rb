# frozen_string_literal: true

# A process that follows etcd, forks, and dies: `reader.rb SEED USER WATCH PACE EVIDENCE`. It tells on
# descriptor 3:
#
#     B PID TIME PARENT MAX_STALENESS                                   it begins
#     S PID TIME REVISION RESETS GENERATION FEW TOTAL BULK              a snapshot that it sees, see Summary
#     H PID TIME REVISION RESETS AGE STALE STATE SLOWEST READS …        five times a second
#     E PID TIME MESSAGE                                                something raised, or lied
#     X PID TIME                                                        it ends by itself
#
# On USR1 it writes the snapshots that it has seen last into the folder EVIDENCE.

require "etcd_discovery"
require_relative "../support/content"
require_relative "../support/settings"
require_relative "reader/dump"
require_relative "reader/examiner"
require_relative "reader/follower"
require_relative "reader/speech"

PACES = { "default" => {}, "eager" => { max_staleness: 3, progress_interval: 1 } }.freeze

seed, user, watch, pace, evidence = ARGV
client = EtcdDiscovery::Client.new(
  endpoints: Torture::Settings.endpoints, watch: Torture::Content::WATCHES.fetch(watch),
  user:, password: Torture::Settings::PASSWORDS.fetch(user), **PACES.fetch(pace)
)
begin
  client.start
rescue EtcdDiscovery::Error
  retry # it was started in the middle of a fault
end

trap(:INT, "IGNORE")
speech = Speech.new(IO.for_fd(3, "w"))
random = Random.new(Integer(seed))
Follower.new(client, random, speech, Dump.new(evidence), Examiner.new(random)).run
