# frozen_string_literal: true

require "time"
require_relative "finding"
require_relative "gateway"
require_relative "known_defects"

module EtcdDiscovery
  class Doctor
    # What each member says of itself and of the cluster: version, leader, members, alarms, and its clock.
    #
    # @api private
    class MembersCheck < Check
      # Seconds that two clocks may differ. etcd tells its own to the second.
      CLOCK = { wrong: 60, doubtful: 3 }.freeze

      check_name :members

      def findings
        reports = context.each_at_once(context.alive.reject(&:unix?)) { |target| [target, facts(target)] }
        return [] if reports.empty?

        silent(reports) + versions(reports) + leaders(reports) + clocks(reports) + cluster(reports)
      end

      # What a member without a leader means, and what to do.
      CUT_OFF = ["this member is cut off from the others: it knows no leader",
                 "check the network between the members (port 2380)"].freeze
      NO_LEADER = ["the cluster has no leader: a majority of its members is down, or cut off",
                   "start the other members; reads go on from the local copy meanwhile"].freeze

      # @param leaders [Hash{String => String, nil}] by endpoint; `nil`: it knows none
      # @return [Array<Finding>]
      def self.leader_verdict(leaders)
        without = leaders.select { |_, leader| leader.nil? }.keys
        return [finding(:fine, "every member asked knows the leader", check: :leader)] if without.empty?

        message, advice = without.size == leaders.size ? NO_LEADER : CUT_OFF
        without.map { |subject| finding(:wrong, message, check: :leader, subject:, advice:) }
      end

      # @param skew [Float] seconds that this machine is ahead
      # @return [Finding]
      def self.clock_verdict(skew, subject)
        level = CLOCK.keys.find { |one| skew.abs > CLOCK.fetch(one) }
        return finding(:fine, "the clocks agree", check: :clock, subject:) unless level

        where = skew.positive? ? "ahead of" : "behind"
        message = "this machine's clock is #{skew.abs.round} s #{where} etcd's"
        advice = "synchronize both clocks (NTP): certificates depend on them"
        finding(level, message, check: :clock, subject:, advice:)
      end

      # @param alarms [Array<Hash>] as etcd gives them
      # @return [Array<Finding>]
      def self.alarms_verdict(alarms)
        return [finding(:fine, "none", check: :alarms)] if alarms.empty?

        alarms.map { |alarm| alarm["alarm"] }.uniq.map do |name|
          meaning, advice = ALARMS.fetch(name) { ["an alarm of etcd", "see etcd's documentation"] }
          finding(:wrong, "#{name}: #{meaning}", check: :alarms, advice:)
        end
      end

      ALARMS = {
        "NOSPACE" => ["etcd's space quota is used up, and it takes no writes",
                      "compact and defragment, raise --quota-backend-bytes, then etcdctl alarm disarm"],
        "CORRUPT" => ["etcd's members disagree about the data, and it takes no writes",
                      "find the member that differs (etcdctl endpoint hashkv --cluster), and replace it"]
      }.freeze

      private

      def facts(target)
        gateway = Gateway.new(target, config, context.patience)
        version = gateway.version
        skew = gateway.clock && (Time.now - gateway.clock - (gateway.took / 2))
        return { skew: } unless version

        gateway.log_in
        { version:, skew:, gateway:, status: gateway.status, sickness: gateway.sickness.to_s }
      end

      def silent(reports)
        reports.reject { |_, facts| facts[:version] }.map do |target, _|
          doubtful("its JSON gateway does not answer: version, leader, alarms and clock are not known",
                   subject: target.endpoint, advice: "etcd: --enable-grpc-gateway; or a proxy is in between")
        end
      end

      def versions(reports)
        reports.filter_map do |target, facts|
          next unless facts[:version]

          level, message, advice = KnownDefects.verdict(facts[:version])
          finding(level, message, check: :version, subject: target.endpoint, advice:)
        end
      end

      def leaders(reports)
        asked = reports.select { |_, facts| facts[:version] }
        return [] if asked.empty?

        leaders = asked.to_h { |target, facts| [target.endpoint, leader(facts)] }
        asked.each { |target, _| target.fail! if leaders[target.endpoint].nil? }
        self.class.leader_verdict(leaders)
      end

      # Newer versions of etcd tell their status to root alone.
      def leader(facts)
        return (:known unless facts[:sickness].include?("NO LEADER")) unless facts[:status]

        facts[:status]["leader"].to_s.then { |id| id unless id.empty? || id == "0" }
      end

      def clocks(reports)
        reports.filter_map do |target, facts|
          self.class.clock_verdict(facts[:skew], target.endpoint) if facts[:skew]
        end
      end

      # One member tells it for all.
      def cluster(reports)
        target, facts = reports.find { |one, facts| one.alive? && facts[:version] }
        target ? [*members(facts[:gateway]), *alarms(facts)] : []
      end

      def alarms(facts)
        alarms = facts[:gateway].alarms
        names = facts[:sickness].scan(/ALARM (\w+)/).flatten
        return hidden("the alarms") if alarms.nil? && names.empty?

        self.class.alarms_verdict(alarms || names.map { |name| { "alarm" => name } })
      end

      def members(gateway)
        members = gateway.members or return hidden("the members")
        names = members.map { |member| member["name"].to_s.empty? ? "(not started)" : member["name"] }
        [fine("#{members.size}: #{names.join(', ')}")]
      end

      def hidden(what)
        [doubtful("etcd does not show #{what} to this user", advice: "ask as root: --user root")]
      end
    end
  end
end
