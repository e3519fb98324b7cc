# frozen_string_literal: true

require_relative "../../spec/support/gateway"
require_relative "content"
require_relative "member"

module Torture
  # Makes large changes: thousands of keys in one revision, and values as large as etcd accepts.
  class Bulk
    # The number of keys deleted at once, as a power of ten.
    KEYS = (4.0..5.0)
    # The keys put in one transaction, which takes etcd a tenth of a second.
    PORTION = 2_500
    # The time for loading keys, in seconds. On a busy machine fewer keys are loaded.
    LOADING = 15
    # The operations in one large transaction.
    TRANSACTION = (1_000..Member::MAX_OPERATIONS)
    # The size of a large value in bytes. etcd accepts requests of up to 1.5 MiB.
    VALUE = (500_000..1_572_000)
    VALUES = (2..5)
    # The timeout of one change in seconds. Deleting 100,000 keys takes etcd several.
    TIMEOUT = 10
    EVERYWHERE = [*Content::RANGES, Content::UNWATCHED].freeze

    # @param sizes [Hash] records the largest change of each kind
    def initialize(cluster, random, sizes)
      @cluster = cluster
      @random = random
      @sizes = sizes
      @count = (10**random.rand(KEYS)).to_i
    end

    # Puts and deletes keys in every range, in one transaction.
    def change_at_once
      few = Content::FEW_PREFIXES.product((0...40).to_a).map { |prefix, n| "#{prefix}#{n}" }
      keys = few + names(EVERYWHERE, @random.rand(TRANSACTION) - few.size)
      commit(keys.map { |key| @random.rand < 0.7 ? [:put, key, value] : [:delete, key] })
      measured(:transaction, keys.size)
    end

    # Puts thousands of keys under one or several prefixes.
    def load(lease: nil)
      clear(Content::MANY)
      @loaded = 0
      deadline = Harness.now + LOADING
      names(places, @count).each_slice(PORTION) do |keys|
        commit(keys.map { |key| [:put, key, value, *lease] })
        @loaded += keys.size
        break if Harness.now > deadline
      end
    end

    # @return [String] the lease that the keys are attached to
    def load_with_lease
      # The lease must outlive the loading.
      lease = attempt { gateway.grant(LOADING + TIMEOUT) }
      load(lease:)
      measured(:lease, @loaded)
      lease
    end

    # Deletes all keys of one kind in one revision.
    def clear(kind) = commit(EVERYWHERE.map { |range| [:delete_prefix, "#{range}#{kind}"] })

    def delete_loaded
      clear(Content::MANY)
      measured(:deletion, @loaded)
    end

    def revoke(lease) = attempt { gateway.revoke(lease) }

    def put_large_values
      @random.rand(VALUES).times do |n|
        range = Content::RANGES[n % Content::RANGES.size]
        value = @random.bytes(@random.rand(VALUE))
        commit([[:put, "#{range}#{Content::HUGE}#{n}", value]])
        measured(:value, value.bytesize)
      end
    end

    private

    def measured(kind, size) = @sizes[kind] = [@sizes[kind], size].max

    def places = EVERYWHERE.sample(@random.rand(1..EVERYWHERE.size), random: @random)

    def names(ranges, count)
      Array.new(count) { |n| "#{ranges[n % ranges.size]}#{Content::MANY}#{n}" }
    end

    def value = @random.rand(10**9).to_s

    def commit(operations) = attempt { gateway.commit(operations) }

    # Retries, because a member without a leader refuses and the next one may have one. Doing a change twice
    # is harmless.
    def attempt
      deadline ||= Harness.now + TIMEOUT
      yield
    rescue Harness::Gateway::Failed
      raise if Harness.now > deadline

      sleep 0.3
      retry
    end

    # A gateway that moves to the next member after each failure.
    def gateway
      @gateway ||= begin
        running = @cluster.members.select(&:running?)
        raise Harness::Gateway::Failed, "no member runs" if running.empty?

        Settings.gateway("root", ports: running.map(&:port), timeout: TIMEOUT)
      end
    end
  end
end
