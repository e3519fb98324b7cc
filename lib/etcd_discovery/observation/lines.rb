# frozen_string_literal: true

module EtcdDiscovery
  module Observation
    # What the log says of an event, in a method of its name. Each line is to be useful alone: what happened,
    # what still works, what to do.
    module Lines
      STATES = { registered: "registered", registering: "registering", deregistered: "deregistered",
                 lost: "lost the registration of" }.freeze

      REMEDIES = { PermissionError => ", once the user's role may read and write that key",
                   AuthenticationError => ", once user and password are right",
                   ResourceExhaustedError => ", once etcd takes writes again" }.freeze

      class << self
        # @return [String, nil] `nil` for an event without a line
        def of(name, payload)
          respond_to?(name, true) ? send(name, payload) : nil
        end

        # While there is no contact, and no event either.
        def reminder(seconds, age, payload)
          data = age ? format(", and the data is %.0f s old", age) : ""
          format("still no contact with etcd after %.0f s", seconds) +
            " (#{error(payload)}); #{served(payload)}#{data}"
        end

        private

        def error(payload)
          payload[:error]&.message || "no reason known"
        end

        def served(payload)
          return "there is nothing to read yet" if payload[:revision].zero?

          "reads go on from #{copy(payload)}"
        end

        # A child that goes on where its parent was is no news: there may be hundreds.
        def connect(payload)
          return if payload[:inherited] && payload[:after].zero?

          "following #{peer(payload)} from #{copy(payload)}"
        end

        def disconnect(payload)
          at = payload[:endpoint] && " at #{payload[:endpoint]}"
          reason = error(payload).delete_prefix("#{payload[:endpoint]}: ")
          "no contact with etcd#{at} (#{reason}); #{served(payload)}; next attempt within " \
            "#{format('%g', payload[:next_attempt])} s, and so on"
        end

        def denied(payload)
          "etcd refuses this client (#{error(payload)}); #{served(payload)}; correct the user, the " \
            "password or the role, etcd is asked again every few seconds"
        end

        def reconnect(payload)
          "following #{peer(payload)} again#{after(payload)}, from #{copy(payload)}"
        end

        def relist(payload)
          "all watched keys were read anew, as etcd could not tell every change since the last one " \
            "(compacted, or another history); now at #{copy(payload)}"
        end

        def reset(payload)
          "the history of etcd is not the one known before: the cluster was replaced, or restored, or lost " \
            "its data; serving what it holds now, #{copy(payload)}; find out whether that was intended"
        end

        def divergence(payload)
          "the local copy differed from etcd (#{error(payload)}); it is mended, at #{copy(payload)}; " \
            "please report it, and check that the members of etcd agree (etcdctl endpoint hashkv --cluster)"
        end

        def stale(payload)
          since = format("%<age>.1f s (max_staleness is %<max_staleness>g s)", payload)
          "stale: etcd has not confirmed the data for #{since}; the client is #{payload[:state]}; " \
            "#{served(payload)}; last error: #{error(payload)}"
        end

        def fresh(payload)
          "fresh: etcd has confirmed the data again#{after(payload)}; #{copy(payload)}"
        end

        def registration(payload)
          line = "#{STATES.fetch(payload[:state])} #{announced(payload)}"
          case payload[:state]
          when :registering then refused(payload)
          when :lost then "#{line}: #{reason(payload)}; registering it again by itself"
          when :deregistered then payload[:previous] == :registering ? never_registered(payload) : line
          else line
          end
        end

        def refused(payload)
          "cannot register #{announced(payload)}: #{reason(payload)}; others do not find it; trying again " \
            "by itself#{REMEDIES.find { |kind, _| payload[:error].is_a?(kind) }&.last}"
        end

        # An answer may have been lost, so it is not known to be absent either.
        def never_registered(payload)
          "gave up registering #{announced(payload)}: etcd had never confirmed it"
        end

        def reason(payload) = payload[:error]&.message || "etcd has not confirmed it within its TTL"

        # A key need not be UTF-8, and what is not cannot be joined with what is.
        def announced(payload)
          address = "(#{Escape.cell(payload[:address])})"
          payload[:key] ? "#{Escape.cell(payload[:key])} #{address}" : address
        end

        def invalid_value(payload)
          "the value of #{Escape.quote(payload[:key])} at revision #{payload[:revision]} " \
            "#{payload[:problem]}; going on with the last good one, if there was one"
        end

        def peer(payload)
          version = payload[:server_version]
          "#{payload[:endpoint]}#{" (etcd #{version})" if version}"
        end

        def copy(payload)
          "revision #{payload[:revision]}, #{payload[:keys]} #{payload[:keys] == 1 ? 'key' : 'keys'}"
        end

        def after(payload)
          payload[:after] ? format(" after %.1f s", payload[:after]) : ""
        end
      end
    end
  end
end
