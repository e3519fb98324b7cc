# frozen_string_literal: true

module EtcdDiscovery
  module Events
    # The log line of each event, in a method named like the event.
    #
    # Each line is useful on its own: what happened, what still works, what to do.
    #
    # @api private
    module Messages
      STATES = { registered: "registered", registering: "registering", deregistered: "deregistered",
                 lost: "lost the registration of" }.freeze

      REMEDIES = { PermissionError => "; grant the user's role read and write access to that key",
                   AuthenticationError => "; correct the user and the password",
                   ResourceExhaustedError => "; it works again when etcd takes writes again" }.freeze

      class << self
        # @return [String, nil] `nil` for an event without a line
        def of(name, payload)
          respond_to?(name, true) ? send(name, payload) : nil
        end

        # The line repeated while the client is disconnected and nothing else happens.
        def reminder(seconds, age, payload)
          data = age ? format("; etcd confirmed it %.0f s ago", age) : ""
          format("still disconnected from etcd after %.0f s", seconds) +
            " (#{error(payload)}); #{served(payload)}#{data}"
        end

        private

        def error(payload)
          payload[:error]&.message || "reason unknown"
        end

        def served(payload)
          payload[:revision].zero? ? "no data yet" : "still serving #{copy(payload)}"
        end

        # A child that continues its parent's copy is not worth a line: there may be hundreds.
        def connect(payload)
          return if payload[:inherited] && payload[:after].zero?

          "connected to #{member(payload)}; serving #{copy(payload)}"
        end

        def disconnect(payload)
          endpoint = payload[:endpoint]
          what = endpoint ? "disconnected from etcd #{endpoint}" : "cannot connect to etcd"
          # The error also names the endpoint: at its beginning, or after what was being done.
          reason = endpoint ? error(payload).sub("#{endpoint}: ", "") : error(payload)
          "#{what} (#{reason}); #{served(payload)}; retrying every #{format('%g', payload[:next_attempt])} s"
        end

        def denied(payload)
          "etcd refuses this client (#{error(payload)}); #{served(payload)}; correct the user, the " \
            "password or the role; retrying every few seconds"
        end

        def reconnect(payload)
          "reconnected to #{member(payload)}#{after(payload)}; serving #{copy(payload)}"
        end

        def relist(payload)
          "read all watched keys again, because etcd no longer has all changes since the last revision " \
            "(compacted, or another history); serving #{copy(payload)}"
        end

        def reset(payload)
          "etcd's history is a different one: the cluster was replaced or restored, or lost its data; " \
            "serving what it holds now, #{copy(payload)}; find out whether this was intended"
        end

        def divergence(payload)
          "the local copy differs from etcd (#{error(payload)}); still serving #{copy(payload)} until all " \
            "keys are read again; please report it, and check that etcd's members agree " \
            "(etcdctl endpoint hashkv --cluster)"
        end

        def stale(payload)
          since = format("%<age>.1f s (max_staleness is %<max_staleness>g s)", payload)
          "stale: etcd has not confirmed the data for #{since}; the client's state is #{payload[:state]}; " \
            "#{served(payload)}; last error: #{error(payload)}"
        end

        def fresh(payload)
          "fresh: etcd confirmed the data again#{after(payload)}; serving #{copy(payload)}"
        end

        def registration(payload)
          line = "#{STATES.fetch(payload[:state])} #{announced(payload)}"
          case payload[:state]
          when :registering then refused(payload)
          when :lost then "#{line}: #{reason(payload)}; registering it again"
          when :deregistered then payload[:previous] == :registering ? never_registered(payload) : line
          else line
          end
        end

        def refused(payload)
          remedy = REMEDIES.find { |kind, _| payload[:error].is_a?(kind) }&.last
          "cannot register #{announced(payload)}: #{reason(payload)}; other processes cannot find it; " \
            "retrying#{remedy}"
        end

        # The key may be in etcd: the answer may have been lost.
        def never_registered(payload)
          "gave up registering #{announced(payload)}: etcd never confirmed it"
        end

        def reason(payload) = payload[:error]&.message || "etcd has not confirmed it within its TTL"

        # A key need not be UTF-8, and then cannot be joined with UTF-8 text.
        # Other processes do not learn the address.
        def announced(payload)
          key, address = payload.values_at(:key, :address).map { |text| text && Escape.cell(text) }
          [key, address && "(#{address})"].compact.join(" ")
        end

        def invalid_value(payload)
          "the value of #{Escape.quote(payload[:key])} at revision #{payload[:revision]} " \
            "#{payload[:problem]}; the last good value stays in force, if there was one"
        end

        def host_role(payload)
          role = HostRole.line(payload) and "#{role}; #{served(payload)}"
        end

        def cache_error(payload) = error(payload)

        # Nor the message, which may have a text of the application.
        def service(payload) = "#{Escape.cell(payload[:service])}: #{payload[:message] || payload[:type]}"

        def member(payload)
          version = payload[:server_version]
          "etcd#{" #{version}" if version} at #{payload[:endpoint]}"
        end

        def copy(payload)
          "revision #{payload[:revision]} (#{payload[:keys]} #{payload[:keys] == 1 ? 'key' : 'keys'})"
        end

        def after(payload) = format(" after %.1f s", payload[:after])
      end
    end
  end
end
