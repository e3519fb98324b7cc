# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Makes Rack's answers, each with the headers that every answer of the page has.
    #
    # @api private
    module Response
      POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " \
               "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
      # In lower case, as Rack 3 wants header names and Rack 2 takes them. With the policy `no-referrer` a
      # browser would send the origin `null` with a form.
      HEADERS = {
        "cache-control" => "no-store, no-transform", "content-security-policy" => POLICY,
        "x-content-type-options" => "nosniff", "x-frame-options" => "DENY",
        "referrer-policy" => "same-origin", "cross-origin-resource-policy" => "same-origin",
        "cross-origin-opener-policy" => "same-origin", "x-robots-tag" => "noindex"
      }.freeze
      # Without a date of change, Rack::ETag would read a stream to its end before it sends anything.
      STREAM = { "content-type" => "text/event-stream; charset=utf-8", "x-accel-buffering" => "no",
                 "last-modified" => "Thu, 01 Jan 1970 00:00:00 GMT" }.freeze
      private_constant :POLICY, :HEADERS, :STREAM

      class << self
        def html(request, status, text)
          whole(request, status, "text/html; charset=utf-8", text, cookie(request))
        end

        def plain(request, status, text, headers = {})
          whole(request, status, "text/plain; charset=utf-8", "#{text}\n", headers)
        end

        def whole(request, status, type, text, headers = {})
          fields = { "content-type" => type, "content-length" => text.bytesize.to_s, **headers }
          [status, HEADERS.merge(fields), request.head? ? [] : [text]]
        end

        # The browser asks for the place with GET, so that a reload does not write again.
        def see_other(place)
          [303, HEADERS.merge("location" => place, "content-length" => "0"), []]
        end

        def stream(request, body)
          [200, HEADERS.merge(STREAM), request.head? ? [] : body]
        end

        private

        def cookie(request)
          return {} if request.known_token

          path = request.root.match?(%r{\A/[\w/.~-]+\z}) ? request.root : "/"
          secure = "; Secure" if request.secure?
          line = "#{Request::COOKIE}=#{request.token}; Path=#{path}; HttpOnly; SameSite=Strict#{secure}"
          { "set-cookie" => line }
        end
      end
    end
  end
end
