# frozen_string_literal: true

module EtcdDiscovery
  # The root of every error that this gem raises.
  #
  # @example Serve without the setting when there is none
  #   begin
  #     EtcdDiscovery["/config/limit"]
  #   rescue EtcdDiscovery::Error => e
  #     logger.error(e.message) # names endpoint or key, and what to do
  #   end
  class Error < StandardError
    # @return [String, nil] the endpoint that the error is about
    attr_reader :endpoint
    # @return [String, nil] the key that the error is about
    attr_reader :key
    # @return [Integer, nil] the revision of etcd that the error is about
    attr_reader :revision

    # @param message [String, nil] what happened and what to do; it holds no secret
    # @param endpoint [String, nil]
    # @param key [String, nil]
    # @param revision [Integer, nil]
    def initialize(message = nil, endpoint: nil, key: nil, revision: nil)
      super(message)
      @endpoint = endpoint
      @key = key
      @revision = revision
    end
  end

  # A setting is missing or wrong; the message names it, what was given, and what is accepted.
  class ConfigurationError < Error; end

  # etcd could not be reached, or broke off.
  class ConnectionError < Error; end

  # There is no secure connection: one side does not take the other's certificate, or no TLS is spoken there.
  # The message says which end is wrong, and which setting mends it.
  class TLSError < ConnectionError; end

  # etcd did not answer in time.
  class TimeoutError < ConnectionError; end

  # etcd does not accept the user or the password.
  class AuthenticationError < Error; end

  # The user may not read or write this.
  class PermissionError < Error; end

  # etcd refuses the request itself, and refuses it again as it is: the key is empty, or key and value
  # together are larger than etcd takes (1.5 MiB by default). Trying again does not help; the connection is
  # still good.
  class InvalidRequestError < Error; end

  # Somebody else has changed the key: a comparison of a transaction failed, and nothing was written.
  # {Error#key} names the key, {Error#revision} its last change (0: the key does not exist). Read it again,
  # and decide again.
  class ConflictError < Error; end

  # etcd takes no writes, and reads go on. `NOSPACE` in the message: its space quota is used up, and a person
  # has to make room and run `etcdctl alarm disarm`. "too many requests": it has more to do than it takes on;
  # try again after a pause.
  #
  # @example Give way when etcd is full, and do not try in a loop
  #   begin
  #     EtcdDiscovery.put("/config/limit", "10")
  #   rescue EtcdDiscovery::ResourceExhaustedError => e
  #     logger.error(e.message)
  #   end
  class ResourceExhaustedError < Error; end

  # etcd's members disagree about its data (its CORRUPT alarm), and it takes no writes until a person has
  # replaced the member that differs.
  class CorruptError < Error; end

  # The key is outside every watched range; its absence here would mean nothing.
  class UnwatchedKeyError < Error; end

  # A read without a default while there is no snapshot yet, in a process that has waited for one before: it
  # raises at once instead of waiting again. The read that waits raises what the wait ended with.
  #
  # @example
  #   begin
  #     EtcdDiscovery["/config/limit"]
  #   rescue EtcdDiscovery::NotReadyError
  #     "10" # etcd was away at boot; reads work as soon as it answers
  #   end
  class NotReadyError < ConnectionError; end

  # A value is not of the form that was asked for, and no earlier one was. The message tells the reason, and
  # never the value.
  class ParseError < Error; end

  # A value for a declared setting ({Settings}) is not of its type, or breaks one of its rules. The message
  # says which, and not the value. Nothing was sent.
  class InvalidValueError < Error; end

  # The revision is gone: etcd keeps old ones until it compacts its history. {Error#revision} is the oldest
  # one that can still be read, where etcd says so.
  class CompactedError < Error; end

  # The client was stopped.
  class ClosedError < Error; end

  # The copy on disk (`cache_path`) cannot be read or written. Never raised: {Status#cache_error} has it.
  class CacheError < Error; end

  # A defect of this library, contained.
  class InternalError < Error; end

  # The call is not possible in this signal handler: the handler has interrupted a part of the library that
  # must come to its end first. Make the call on a thread: it goes on when the handler has returned.
  #
  # @example
  #   trap(:USR1) { Thread.new { puts EtcdDiscovery.service("b").addresses } }
  class SignalHandlerError < Error
    # @api private
    ADVICE = "this call is not possible here: the signal handler has interrupted a part of etcd_discovery " \
             "that must come to its end first; make the call on a thread: trap(:USR1) { Thread.new { … } }"
    private_constant :ADVICE

    # @param message [String] as for {Error}, as all the others
    # @param about [Hash{Symbol => Object}]
    def initialize(message = ADVICE, **about)
      super
    end
  end

  # An instance is not registered in the time that the caller gave it.
  class RegistrationError < Error; end

  # A service has no instance to pick.
  class NoInstanceError < Error; end
end
