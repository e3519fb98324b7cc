# frozen_string_literal: true

# A process that follows etcd, forks, and ends: `reader.rb SEED USER WATCH PACE EVIDENCE`. It reports on
# descriptor 3:
#
#     B PID TIME PARENT MAX_STALENESS                                   it starts
#     S PID TIME REVISION RESETS GENERATION FEW TOTAL BULK              a snapshot that it sees, see Summary
#     H PID TIME REVISION RESETS AGE STALE STATE SLOWEST READS ROLE …   its status, five times a second
#     E PID TIME MESSAGE                                                an exception, or a wrong value
#     X PID TIME                                                        it ends by itself
#
# On USR1 it writes its latest snapshots into the folder EVIDENCE.

require "etcd_discovery"
require_relative "../support/content"
require_relative "../support/settings"
require_relative "reader/dump"
require_relative "reader/examiner"
require_relative "reader/follower"
require_relative "reader/reporter"

PACES = { "default" => {}, "eager" => { max_staleness: 3, progress_interval: 1 } }.freeze

seed, user, watch, pace, evidence = ARGV
client = EtcdDiscovery::Client.new(
  endpoints: Torture::Settings.endpoints, watch: Torture::Content::WATCHES.fetch(watch),
  user:, password: Torture::Settings::PASSWORDS.fetch(user), host_copy: Torture::Settings.host_copy || false,
  **PACES.fetch(pace)
)
begin
  client.start
rescue EtcdDiscovery::Error
  retry # it was started during a fault
end

trap(:INT, "IGNORE")
reporter = Reporter.new(IO.for_fd(3, "w"))
random = Random.new(Integer(seed))
Follower.new(client, random, reporter, Dump.new(evidence), Examiner.new(random)).run
