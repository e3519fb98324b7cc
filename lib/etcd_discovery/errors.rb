# frozen_string_literal: true

module EtcdDiscovery
  # The base class of every error of this gem.
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

    # @param message [String, nil] what happened and what to do, without secrets
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

  # A setting is missing or wrong. The message names it, what was given, and what is accepted.
  class ConfigurationError < Error; end

  # etcd could not be reached, or the connection broke.
  class ConnectionError < Error; end

  # The TLS connection failed: one side rejects the other's certificate, or the port does not speak TLS.
  #
  # The message says which side is wrong, and which setting fixes it.
  class TLSError < ConnectionError; end

  # etcd did not answer in time.
  class TimeoutError < ConnectionError; end

  # etcd does not accept the user or the password.
  class AuthenticationError < Error; end

  # The user may not read or write this.
  class PermissionError < Error; end

  # etcd refuses the request itself, and would refuse it again.
  #
  # The key is empty, or key and value together exceed etcd's limit (1.5 MiB by default). Do not try again.
  # The connection still works.
  class InvalidRequestError < Error; end

  # Someone else changed the key: a comparison of a transaction failed, and nothing was written.
  #
  # {Error#key} names the key, {Error#revision} its last change (0: the key does not exist). Read it again and
  # decide again.
  class ConflictError < Error; end

  # etcd accepts no writes; reads still work.
  #
  # `NOSPACE` in the message: its space quota is used up, and a person has to free space and run `etcdctl
  # alarm disarm`. "too many requests": etcd is overloaded; try again after a pause.
  #
  # @example Give up when etcd is full, and do not retry in a loop
  #   begin
  #     EtcdDiscovery.put("/config/limit", "10")
  #   rescue EtcdDiscovery::ResourceExhaustedError => e
  #     logger.error(e.message)
  #   end
  class ResourceExhaustedError < Error; end

  # etcd's members disagree about its data (its CORRUPT alarm).
  #
  # etcd accepts no writes until a person has replaced the member that differs.
  class CorruptError < Error; end

  # The key is outside every watched range, so its absence here would mean nothing.
  class UnwatchedKeyError < Error; end

  # A read without a default came before the first snapshot, after this process already waited for one.
  #
  # It raises at once instead of waiting again. A read that does wait raises the error that ended the wait.
  #
  # @example
  #   begin
  #     EtcdDiscovery["/config/limit"]
  #   rescue EtcdDiscovery::NotReadyError
  #     "10" # etcd was away at boot; reads work as soon as it answers
  #   end
  class NotReadyError < ConnectionError; end

  # A value does not have the requested form, and no earlier one had it.
  #
  # The message tells the reason, never the value.
  class ParseError < Error; end

  # A value for a declared setting ({Settings}) has the wrong type or breaks a rule. Nothing was sent.
  #
  # The message says which, never the value.
  class InvalidValueError < Error; end

  # The revision is compacted: etcd keeps old revisions until it compacts its history.
  #
  # {Error#revision} is the oldest one that can still be read, if etcd says so.
  class CompactedError < Error; end

  # The client was stopped.
  class ClosedError < Error; end

  # The disk copy (`cache_path`) cannot be read or written. Never raised; {Status#cache_error} has it.
  class CacheError < Error; end

  # An error inside this library that was caught. Please report it.
  class InternalError < Error; end

  # The call is not possible in this signal handler.
  #
  # The handler has interrupted a part of the library that must finish first. Make the call on a thread: it
  # runs when the handler has returned.
  #
  # @example
  #   trap(:USR1) { Thread.new { puts EtcdDiscovery.service("b").addresses } }
  class SignalHandlerError < Error
    # @api private
    ADVICE = "this call is not possible here: the signal handler has interrupted a part of etcd_discovery " \
             "that must come to its end first; make the call on a thread: trap(:USR1) { Thread.new { … } }"
    private_constant :ADVICE

    # @param message [String] as for {Error}
    # @param about [Hash{Symbol => Object}]
    def initialize(message = ADVICE, **about)
      super
    end
  end

  # A rollout ({Rollout}) was stopped: every host has its old value again, or gets it back when the lease of
  # the rollout ends. The message says why.
  class RolloutError < Error; end

  # An instance was not registered in the time that the caller gave it.
  class RegistrationError < Error; end

  # A service has no instance to pick.
  class NoInstanceError < Error; end
end
