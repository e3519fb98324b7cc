# frozen_string_literal: true

require "json"
require "net/http"

module Harness
  # Transactions through etcd's HTTP gateway, over one connection: a thousand processes of etcdctl would
  # take a minute.
  class Gateway
    def initialize(port)
      @port = port
    end

    # Yields what takes a Hash of keys and values, and puts them in one transaction.
    def transactions
      Net::HTTP.start("127.0.0.1", @port) do |http|
        yield(->(pairs) { http.post("/v3/kv/txn", transaction(pairs)).value })
      end
    end

    private

    def transaction(pairs)
      puts = pairs.map { |key, value| { requestPut: { key: [key].pack("m0"), value: [value].pack("m0") } } }
      JSON.generate(success: puts)
    end
  end
end
