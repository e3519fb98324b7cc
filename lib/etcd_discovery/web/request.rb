# frozen_string_literal: true

require "securerandom"

module EtcdDiscovery
  class Web
    # What a request asks for, and who asks.
    #
    # @api private
    class Request
      # A form cannot be read.
      class Malformed < StandardError; end

      COOKIE = "etcd_discovery_token"
      # Larger than a value that etcd takes, in Base64 and percent-encoded.
      LARGEST_FORM = 8 * 1024 * 1024
      TOKEN = /\A\h{64}\z/
      # Characters that leave a mark. Unicode counts some blanks as letters or as symbols.
      VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]&&[^\u115F\u1160\u2800\u3164\uFFA0]]/
      BYTES = [Encoding::BINARY, Encoding::US_ASCII, Encoding::UTF_8].freeze
      private_constant :LARGEST_FORM, :TOKEN, :VISIBLE, :BYTES

      # @return [String] where the page is mounted
      attr_reader :root
      # @return [String] what is asked for below that
      attr_reader :path
      attr_reader :env

      # Rack::URLMap takes the path of the mount away again as soon as the application has answered, and a
      # stream makes its links later.
      def initialize(env, authorize)
        @env = env
        @root = env["SCRIPT_NAME"].to_s.chomp("/").dup.freeze
        @path = env["PATH_INFO"].to_s.then { |path| path.empty? ? "/" : path.dup }.freeze
        @rack = Rack::Request.new(env)
        @authorize = authorize
      end

      def verb = env["REQUEST_METHOD"]
      def head? = verb == "HEAD"
      def secure? = @rack.ssl?
      def last_event_id = env["HTTP_LAST_EVENT_ID"].to_s

      # Only a server that answers several requests at once may keep one of them open.
      def concurrent? = env["rack.multithread"] == true

      # @return [String, nil] the name of who acts; `nil`: refused
      def actor
        @actor = named(@authorize.call(env)) unless defined?(@actor)
        @actor
      end

      # @return [String, nil] UTF-8 where its bytes are, else BINARY: a key may be any bytes
      def query(name)
        found = queries[name]
        ForeignText.exact(found) if found.is_a?(String)
      end

      # A stream reads its query later, where no one can answer with 400 any more.
      #
      # @raise [Malformed]
      def check = queries

      # @return [Boolean] whether a text says anything
      def visible?(text) = text.match?(VISIBLE)

      # @return [Integer, nil] a number from 0
      def number(text) = text.to_s.match?(/\A\d{1,18}\z/) ? text.to_i : nil

      # @return [String]
      # @raise [Malformed]
      def form(name)
        raise Malformed if env["CONTENT_LENGTH"].to_i > LARGEST_FORM

        @form ||= @rack.POST
        value = @form[name]
        text = value.is_a?(String) ? value.dup.force_encoding(Encoding::UTF_8) : ""
        text.valid_encoding? ? text : raise(Malformed)
      rescue StandardError # each version of Rack has errors of its own
        raise Malformed
      end

      # @return [String] of a part that every such form has
      # @raise [Malformed] also where it is missing: nothing must be written in its place
      def form!(name)
        text = form(name)
        raise Malformed unless @form[name].is_a?(String)

        text
      end

      # A path of this page, wherever it is mounted.
      def url(path, **query)
        pairs = query.compact.map { |name, value| "#{name}=#{percent(value.to_s)}" }
        ["#{root}#{path}", *(pairs.join("&") if pairs.any?)].join("?")
      end

      # The token that this browser has, or gets with this answer. A page elsewhere cannot read it.
      def token = @token ||= known_token || SecureRandom.hex(32)

      def known_token
        found = @rack.cookies[COOKIE]
        found if found.is_a?(String) && found.match?(TOKEN)
      end

      # What the browser calls this site, as far as Rack knows: behind a proxy by its headers.
      def origin = origin_of("#{@rack.scheme}://#{@rack.host_with_port}")

      # @return [Array, nil] scheme, host and port
      def origin_of(text)
        uri = URI.parse(text)
        [uri.scheme.downcase, uri.host.downcase, uri.port] if uri.is_a?(URI::HTTP) && uri.host
      rescue URI::InvalidURIError
        nil
      end

      # What was sent by the form of this address, to be shown in that form again.
      #
      # @return [String, nil] `nil` if another form was sent, or none
      def typed(path, name) = (form(name) if verb == "POST" && self.path == path)

      # @return [Strings]
      def strings = @strings ||= Strings.for(env["HTTP_ACCEPT_LANGUAGE"])

      private

      def queries
        @queries ||= Rack::Utils.parse_query(env["QUERY_STRING"].to_s)
      rescue StandardError # as for a form
        raise Malformed
      end

      # An answer that is no name is a mistake, and must not let anyone in.
      def named(answer)
        return unless [String, Symbol].include?(answer.class)

        name = utf8(answer.to_s).strip
        name if visible?(name)
      end

      # A header of Rack is BINARY, and may hold any bytes.
      def utf8(text)
        return text.dup.force_encoding(Encoding::UTF_8).scrub if BYTES.include?(text.encoding)

        text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
      rescue EncodingError
        ""
      end

      def percent(text) = text.b.gsub(%r{[^A-Za-z0-9_.~/-]}n) { |byte| format("%%%02X", byte.ord) }
    end
  end
end
