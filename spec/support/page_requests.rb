# frozen_string_literal: true

module Harness
  # Requests to the page without a server, as a browser would make them; Rack::Lint sees each of them.
  class PageRequests
    ORIGIN = "http://example.org"

    # @param web [#call]
    # @param headers [Hash{String => Object}] for every request, as in Rack's env
    def initialize(web, **headers)
      require "rack"
      require "rack/lint"
      @mock = Rack::MockRequest.new(Rack::Lint.new(web))
      @headers = { "HTTP_HOST" => "example.org",
                   "rack.multithread" => false }.merge(headers.transform_keys(&:to_s))
    end

    def get(path, **headers) = @mock.get(path, env(headers))
    def head(path, **headers) = @mock.request("HEAD", path, env(headers))
    def request(verb, path, **headers) = @mock.request(verb, path, env(headers))

    # A form as the browser sends it that was shown the page: with its cookie, the token and its origin.
    def post(path, cookie: token, origin: ORIGIN, headers: {}, **fields)
      params = { token:, **fields }.compact.to_h { |name, value| [name.to_s, value.to_s] }
      own = { "HTTP_COOKIE" => ("etcd_discovery_token=#{cookie}" if cookie), "HTTP_ORIGIN" => origin }.compact
      @mock.post(path, env(own.merge(headers)).merge(params:))
    end

    # What the first page gives to this browser.
    def token = @token ||= get("/keys")["set-cookie"][/token=(\h+)/, 1]

    # The address of a key's page, or of a write to it.
    def self.key(path, key, **more)
      query = { key:, **more }.map { |name, value| "#{name}=#{percent(value)}" }
      "#{path}?#{query.join('&')}"
    end

    def self.percent(text) = text.to_s.b.gsub(/[^A-Za-z0-9]/n) { |byte| format("%%%02X", byte.ord) }

    private

    def env(more) = @headers.merge(more.transform_keys(&:to_s))
  end
end
