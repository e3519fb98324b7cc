# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # Whether etcd takes the user, and what the user may read and write: each range that is watched, each key
    # that is registered.
    #
    # @api private
    class RightsCheck < Check
      check_name :permission
      # Any user may ask for a key, and etcd answers: with the key, or that this user may not read it.
      PROBE = "\0"
      # No key has this revision, so a transaction that compares it writes nothing. etcd checks the permission
      # first.
      NEVER = 2**62

      def findings
        target = context.alive.first
        return [] if target.nil? || context.broken_files

        @client = context.client(target)
        login = login(target)
        return [login] unless login.level == :fine

        [login, *reads, *writes]
      end

      private

      def login(target)
        error = error_of { read(PROBE) }
        error = nil if error.is_a?(PermissionError)
        return refused(target, error) if error

        user = config.to_native[:user]
        finding(:fine, user ? "etcd accepts the user #{user}" : "no user is set, and etcd requires none",
                check: :login)
      end

      def refused(target, error)
        if error.is_a?(AuthenticationError)
          context.refused = true
          return finding(:wrong, words(error), check: :login, advice: "check user and password")
        end

        target.fail!
        advice = "the connection works, but gRPC requests do not get through: look for a proxy in between"
        finding(:wrong, words(error), check: :grpc, subject: target.endpoint, advice:)
      end

      def reads
        config.watch.map do |range|
          verdict(range, "may be read", error_of do
                                          read(range)
                                        end, "grant the role read permission for this range")
        end
      end

      def writes
        context.registered.map do |key|
          error = error_of { @client.transaction { |one| one.compare(key, revision: NEVER).put(key, "") } }
          error = nil if error.is_a?(ConflictError)
          verdict(key, "may be written", error, "grant the role write permission for this key")
        end
      end

      def verdict(range, good, error, advice)
        subject = range.empty? ? "everything" : range
        return fine(good, subject:) unless error

        level = error.is_a?(PermissionError) ? :wrong : :doubtful
        finding(level, words(error), subject:, advice: (advice if level == :wrong))
      end

      def words(error) = error.message.delete_prefix("read: ")

      def read(range)
        prefix = range.empty? || range.end_with?("/")
        @client.native_read("read", [[range, prefix, 1, true]], nil)
      end

      def error_of
        yield
        nil
      rescue Error => e
        e
      end
    end
  end
end
