# frozen_string_literal: true

require "fileutils"
require "openssl"
require "tmpdir"
require_relative "cleanup"

module Harness
  # A key pair with which an etcd signs JSON web tokens; `flag` is for its command line.
  class WebTokens
    # `lifetime` is in seconds.
    def initialize(lifetime:)
      @lifetime = lifetime
      @folder = Dir.mktmpdir("web-tokens-")
      key = OpenSSL::PKey::RSA.generate(2048)
      File.write(path("private.pem"), key.to_pem)
      File.write(path("public.pem"), key.public_key.to_pem)
      Cleanup.add(self)
    end

    def flag
      "--auth-token=jwt,pub-key=#{path('public.pem')},priv-key=#{path('private.pem')}," \
        "sign-method=RS256,ttl=#{@lifetime}s"
    end

    def close = FileUtils.rm_rf(@folder)

    private

    def path(name) = File.join(@folder, name)
  end
end
