# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Which page, asset, stream or write a request is for.
    #
    # @api private
    class Router
      PAGES = { "/" => Pages::Overview, "/keys" => Pages::Keys, "/key" => Pages::Key,
                "/services" => Pages::Services, "/events" => Pages::Events,
                "/rollback" => Pages::Rollback }.freeze
      STREAMS = { "/stream/overview" => Pages::Overview, "/stream/keys" => Pages::Keys,
                  "/stream/key" => Pages::Key, "/stream/services" => Pages::Services,
                  "/stream/events" => Pages::Events }.freeze
      WRITES = { "/put" => [Writes, :put], "/delete" => [Writes, :delete], "/rollback" => [Writes, :rollback],
                 "/override" => [LayerWrites, :override], "/release" => [LayerWrites, :release] }.freeze
      READING = %w[GET HEAD].freeze
      private_constant :PAGES, :STREAMS, :WRITES, :READING

      def initialize(web, request)
        @web = web
        @request = request
      end

      # @return [Array] what Rack expects of an application
      def answer
        return Response.plain(request, 403, request.strings.t(:error_refused)) if request.actor.nil?

        request.check
        route
      rescue Request::Malformed
        error(400, :malformed)
      rescue Writes::Fixed
        error(403, :masked)
      rescue EtcdDiscovery::Error => e
        status, reason = Pages::Error.of(e)
        error(status, reason, e.message)
      end

      private

      attr_reader :web, :request

      def route
        found = verbs
        return error(404, :not_found) if found.empty?
        return not_allowed(found) unless found.include?(request.verb)

        READING.include?(request.verb) ? read : write
      end

      def verbs
        reading = [PAGES, STREAMS, Assets::FILES].any? { |paths| paths.key?(request.path) }
        [*(READING if reading), *("POST" if WRITES.key?(request.path))]
      end

      def not_allowed(verbs)
        Response.plain(request, 405, request.strings.t(:error_verb), "allow" => verbs.join(", "))
      end

      def read
        type, text = Assets::FILES[request.path]
        return Response.whole(request, 200, type, text) if text
        return stream(STREAMS.fetch(request.path)) if STREAMS.key?(request.path)

        show(PAGES.fetch(request.path).new(web, request))
      end

      def show(page) = Response.html(request, page.status, page.render)

      def stream(kind)
        page = kind.new(web, request)
        return Response.stream(request, []) if request.head?

        body = Stream.new(page, web.client, request.last_event_id,
                          lasting: request.concurrent? && page.lasting?)
        Response.stream(request, body)
      end

      def write
        refusal = Guard.refusal(web, request)
        return refuse(refusal) if refusal

        kind, action = WRITES.fetch(request.path)
        kind.new(web, request).public_send(action)
      end

      # With who and why in the log: it may be an attack, or a proxy that hides the origin.
      def refuse(reason)
        origin = request.env["HTTP_ORIGIN"].inspect
        line = "the web page refused a write by #{request.actor}: #{reason} (origin #{origin})"
        web.client.event_log.write(:warn, line, subject: :web)
        error(403, reason)
      end

      def error(status, reason, details = nil)
        show(Pages::Error.new(web, request, status, reason, details))
      end
    end
  end
end
