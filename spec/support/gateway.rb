# frozen_string_literal: true

require "base64"
require "json"
require "net/http"
require_relative "wait_until"

module Harness
  # etcd through its JSON gateway. It contains nothing of the gem, so it can testify against the gem.
  #
  # It speaks to one member at a time, past all proxies, and to the next one after a failure. It repeats
  # nothing by itself: the result of a failed request is unknown.
  class Gateway
    class Failed < StandardError; end

    NETWORK = [SystemCallError, IOError, Timeout::Error, Net::ProtocolError, SocketError].freeze
    # Shorter than a token lives.
    TOKEN_AGE = 2

    def self.encode(text) = Base64.strict_encode64(text)

    def self.encode_all(content) = content.to_h { |key, value| [encode(key), encode(value)] }

    # etcd's end of a prefix: its last byte is never 0xFF here.
    def self.prefix_end(prefix) = prefix.b.tap { |bytes| bytes.setbyte(-1, bytes.getbyte(-1) + 1) }

    # Without a user, for an etcd that requires none.
    def initialize(ports, user: nil, password: nil, timeout: 3)
      @ports = ports
      @credentials = { name: user, password: } if user
      @timeout = timeout
    end

    # All keys, and the revision: `[revision, {key => value}]`.
    def everything
      answer = call("/v3/kv/range", key: "AA==", range_end: "AA==")
      [revision_of(answer), (answer["kvs"] || []).to_h { |pair| decode(pair) }]
    end

    # Linearizable: no answer without a majority.
    def revision = revision_of(call("/v3/kv/range", key: "AA==", limit: 1, keys_only: true))

    # `[[:put, key, value], [:delete, key], [:delete_prefix, prefix]]`, all or nothing. The ID of a lease may
    # follow a value. Returns the revision.
    def commit(operations)
      revision_of(call("/v3/kv/txn", success: operations.map { |words| operation(*words) }))
    end

    # The lease's ID, as it is in the JSON.
    def grant(ttl) = call("/v3/lease/grant", TTL: ttl.to_s).fetch("ID")

    # Its keys disappear in one revision.
    def revoke(lease) = call("/v3/lease/revoke", ID: lease)

    def compact(revision) = call("/v3/kv/compaction", revision: revision.to_s)

    def call(path, **body)
      response = http.post(path, JSON.generate(body), authorization)
      return JSON.parse(response.body) if response.is_a?(Net::HTTPOK)

      raise Failed, "#{response.code} #{response.body.strip}"
    rescue Failed, *NETWORK, JSON::ParserError => e
      leave
      raise Failed, "#{path}: #{e.class}: #{e.message}"
    end

    # Yields each answer of a stream. `silence` is how long to wait for one.
    def stream(path, silence:, **body, &block)
      request = Net::HTTP::Post.new(path, authorization)
      request.body = JSON.generate(body)
      http.read_timeout = silence
      http.request(request) { |response| each_answer(response, &block) }
    rescue *NETWORK, JSON::ParserError => e
      raise Failed, "#{path}: #{e.class}: #{e.message}"
    ensure
      leave
    end

    private

    # An answer may have 20 MB, so only its new part is searched.
    def each_answer(response)
      buffer = +""
      response.read_body do |chunk|
        buffer << chunk
        next unless chunk.include?("\n")

        *lines, buffer = buffer.split("\n", -1)
        lines.each { |line| yield JSON.parse(line) }
      end
    end

    def http
      @http ||= Net::HTTP.new("127.0.0.1", @ports.first).tap do |http|
        http.open_timeout = http.read_timeout = http.write_timeout = @timeout
        http.max_retries = 0
        http.start
      end
    end

    def leave
      @http&.finish
    rescue IOError
      nil
    ensure
      @http = @token = nil
      @ports = @ports.rotate
    end

    def authorization = @credentials ? { "Authorization" => token } : {}

    def token
      return @token if @token && Harness.now - @token_at < TOKEN_AGE

      @token_at = Harness.now
      response = http.post("/v3/auth/authenticate", JSON.generate(@credentials))
      raise Failed, "authenticate: #{response.code} #{response.body.strip}" unless response.is_a?(Net::HTTPOK)

      @token = JSON.parse(response.body).fetch("token")
    end

    def decode(pair) = [Base64.decode64(pair["key"]), Base64.decode64(pair["value"] || "")]

    def revision_of(answer) = Integer(answer.fetch("header").fetch("revision"))

    def operation(kind, key, value = nil, lease = nil)
      key64 = Gateway.encode(key)
      case kind
      when :put then { request_put: { key: key64, value: Gateway.encode(value), lease: }.compact }
      when :delete then { request_delete_range: { key: key64 } }
      when :delete_prefix
        { request_delete_range: { key: key64, range_end: Gateway.encode(Gateway.prefix_end(key)) } }
      end
    end
  end
end
