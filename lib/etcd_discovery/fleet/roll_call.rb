# frozen_string_literal: true

module EtcdDiscovery
  class Fleet
    # One roll call. Its key and the answers are under one lease: when it ends, etcd deletes them all.
    #
    # @api private
    class RollCall
      # Seconds that etcd keeps a call whose caller has died.
      TTL = 5
      # Seconds between two looks at the answers: short at first, since most fleets answer in milliseconds.
      SHORTEST_PAUSE = 0.002
      LONGEST_PAUSE = 0.05
      GROWTH = 1.3
      private_constant :SHORTEST_PAUSE, :LONGEST_PAUSE, :GROWTH

      # What an id ends in that asks for events too.
      EVENTS = "/events"
      private_constant :EVENTS

      # @param timeout [Float] seconds
      # @param events [Boolean] whether to ask for events too
      def initialize(client, prefix, revision, timeout, events: false)
        @client = client
        @prefix = prefix
        @revision = revision
        @timeout = timeout
        @events = events
        @reached_after = {}
      end

      # @return [Report]
      def run
        @members = members
        return report(0.0) if @members.empty?

        lease = grant
        begin
          call(lease)
          wait_for_answers
        ensure
          revoke(lease)
        end
      rescue PermissionError => e
        raise denied(e)
      end

      private

      def members
        _, ((_, rows)) = read("read the members of the fleet", ["#{@prefix}members/", true, nil, false])
        @present = rows.to_h { |key,| [key, true] }
        Member.all(rows)
      end

      def grant
        @renewed = Client.now
        @client.native_grant("call the fleet", TTL)
      end

      def call(lease)
        @lease = lease
        @started = Client.now
        id = "#{lease}#{EVENTS if @events}"
        @answers = "#{@prefix}answers/#{id}/"
        key = "#{@prefix}calls/#{id}"
        @client.native_commit("call the fleet by", key, [], [[key, @revision.to_s, lease]])
      end

      def wait_for_answers
        pause = SHORTEST_PAUSE
        loop do
          look
          now = Client.now - @started
          return report(now) if complete? || now >= @timeout

          renew if Client.now - @renewed > TTL / 3.0
          sleep [pause, @timeout - now].min
          pause = [pause * GROWTH, LONGEST_PAUSE].min
        end
      end

      # If the lease has ended, no member can answer any more. The report shows that.
      def renew
        @client.native_renew("keep the call of the fleet", @lease)
        @renewed = Client.now
      rescue ConnectionError, InvalidRequestError
        nil
      end

      # Members and answers at one revision: a member that is gone has no answer to come.
      def look
        _, ((_, rows), (_, present)) = read("read the answers of the fleet", [@answers, true, nil, false],
                                            ["#{@prefix}members/", true, nil, true])
        after = Client.now - @started
        @said = rows.to_h { |key, json,| [key.delete_prefix(@answers), AnswerText.parse(json)] }
        @said.each { |id, fields| @reached_after[id] ||= after if has?(fields) }
        @present = present.to_h { |key,| [key, true] }
      end

      # Counts only members that report that their readers see this revision.
      def has?(fields) = fields[:revision] && fields[:revision] >= @revision

      def complete? = @members.all? { |member| @reached_after[member.id] || gone?(member) }

      def gone?(member) = !@present["#{@prefix}members/#{member.host}/#{member.pid}"]

      def report(seconds)
        left, called = @members.partition { |member| gone?(member) && !@reached_after[member.id] }
        Report.new(@revision, called.map { |member| answer(member) }, seconds:, left:)
      end

      def answer(member)
        Answer.new(member, **@said[member.id].to_h, seconds: @reached_after[member.id])
      end

      # If etcd is away, the lease expires by itself.
      def revoke(lease)
        @client.native_revoke("end the call of the fleet", lease)
      rescue Error
        nil
      end

      def read(doing, *targets) = @client.native_read(doing, targets, nil)

      def denied(error)
        PermissionError.new(
          "#{error.message}; a caller of the fleet must be able to read and write all of #{@prefix}, and " \
          "so must its members: etcdctl role grant-permission ROLE readwrite --prefix=true #{@prefix}",
          endpoint: error.endpoint, key: error.key
        )
      end
    end
  end
end
