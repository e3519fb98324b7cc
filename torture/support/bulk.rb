# frozen_string_literal: true

require_relative "../../spec/support/gateway"
require_relative "content"
require_relative "member"

module Torture
  # Writes what is large: thousands of keys in one revision, and values as large as etcd takes.
  class Bulk
    # Powers of ten: how many keys go at once.
    KEYS = (4.0..5.0)
    # Of one transaction while they are put: it takes etcd a tenth of a second.
    PORTION = 2_500
    # Seconds. On a busy machine fewer are put.
    LOADING = 15
    # Operations of one large transaction.
    TRANSACTION = (1_000..Member::MAX_OPERATIONS)
    # Bytes. etcd takes requests of up to 1.5 MiB.
    VALUE = (500_000..1_572_000)
    VALUES = (2..5)
    # Seconds for one change: etcd needs some for the deletion of 100,000 keys.
    PATIENCE = 10
    EVERYWHERE = [*Content::RANGES, Content::UNWATCHED].freeze

    # @param sizes [Hash] keeps the largest of each kind
    def initialize(cluster, random, sizes)
      @cluster = cluster
      @random = random
      @sizes = sizes
      @count = (10**random.rand(KEYS)).to_i
    end

    # One transaction that puts and deletes keys in every range.
    def change_at_once
      few = Content::FEW_PREFIXES.product((0...40).to_a).map { |prefix, n| "#{prefix}#{n}" }
      keys = few + names(EVERYWHERE, @random.rand(TRANSACTION) - few.size)
      commit(keys.map { |key| @random.rand < 0.7 ? [:put, key, value] : [:delete, key] })
      measured(:transaction, keys.size)
    end

    # Puts thousands of keys, under one prefix or several.
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

    # @return [String] the lease that the keys live under
    def load_with_lease
      # It must outlive the loading.
      lease = attempt { gateway.grant(LOADING + PATIENCE) }
      load(lease:)
      measured(:lease, @loaded)
      lease
    end

    # All keys of one kind go in one revision.
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

    # A member without leader refuses, and the next one may have one. Each of these may be done twice.
    def attempt
      deadline ||= Harness.now + PATIENCE
      yield
    rescue Harness::Gateway::Failed
      raise if Harness.now > deadline

      sleep 0.3
      retry
    end

    # It turns to the next member after each failure.
    def gateway
      @gateway ||= begin
        running = @cluster.members.select(&:running?)
        raise Harness::Gateway::Failed, "no member runs" if running.empty?

        Settings.gateway("root", ports: running.map(&:port), timeout: PATIENCE)
      end
    end
  end
end
