# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # What all pages have in common: the frame, and the parts that the stream sends again when they change.
    #
    # A page names its parts in `LIVE`; each is a method that adds its HTML.
    #
    # @api private
    class Page
      include Display

      NAVIGATION = { overview: "/", keys: "/keys", services: "/services", events: "/events" }.freeze
      # The parts that follow changes.
      LIVE = [].freeze
      private_constant :NAVIGATION

      attr_reader :web, :request, :h

      # @param problem [String, nil] why a write was refused
      # @param status [Integer] that goes with the problem
      def initialize(web, request, problem: nil, status: 422)
        @web = web
        @request = request
        @problem = problem
        @status = status
        @h = Html.new
      end

      def status = @problem ? @status : 200

      # @return [String] the whole document
      def render
        h.doctype
        h.html(lang: request.strings.code) do
          head
          h.body(data_stream: stream, data_changed: t(:announce_changed), data_lost: t(:announce_lost)) do
            frame
          end
        end
        h.to_s
      end

      # @return [Hash{String => String}] the HTML of each part that follows changes
      def parts
        self.class::LIVE.to_h do |name|
          @h = Html.new
          send(name)
          [name.to_s, h.to_s]
        end
      end

      # @return [Boolean] whether a stream of this page may last, in this process
      def lasting? = true

      # Whether the browser counts the answers, and so needs each, also one that is like the last.
      def counted? = false

      # What the parts depend on, where that is cheap to tell. While it is the same, they are the same.
      #
      # @return [String, nil]
      def mark = nil

      # Forgets what belongs to one moment.
      def refresh
        @snapshot = nil
        self
      end

      private

      def head
        h.head do
          h.meta(charset: "utf-8")
          h.meta(name: "viewport", content: "width=device-width, initial-scale=1")
          h.meta(name: "color-scheme", content: "light dark")
          h.title("#{title} · etcd_discovery")
          h.link(rel: "icon", href: url("/assets/icon.svg"), type: "image/svg+xml")
          h.link(rel: "stylesheet", href: url("/assets/app.css"))
          h.script("", src: url("/assets/app.js"), defer: true)
        end
      end

      def frame
        h.a(t(:skip), href: "#main", class: "skip")
        masthead
        h.main(id: "main", tabindex: "-1") { content }
        h.p("", id: "announcement", class: "unseen", role: "status", aria_live: "polite")
        colophon
      end

      def masthead
        h.header(class: "masthead") do
          h.a("etcd_discovery", href: url("/"), class: "brand")
          h.nav(aria_label: t(:navigation)) do
            h.ul do
              NAVIGATION.each do |name, path|
                h.li { h.a(t(:"nav_#{name}"), href: url(path), aria_current: ("page" if name == section)) }
              end
            end
          end
          lamp if stream
        end
      end

      # Whether the page follows changes now.
      def lamp = h.span(t(:live_off), id: "live", class: "live", data_on: t(:live_on), data_off: t(:live_off))

      def colophon
        h.footer(class: "colophon") do
          h.span(t(:acting_as, name: request.actor))
          h.span(t(web.write ? :may_write : :read_only))
          h.span("etcd_discovery #{VERSION}")
        end
      end

      # A part that the stream replaces.
      def live(name, **attributes)
        h.div(id: "live-#{name}", data_live: name.to_s, **attributes) { send(name) }
      end

      def section = nil
      def stream = nil

      def t(...) = request.strings.t(...)
      def url(...) = request.url(...)
      def client = web.client

      # The newest, not the one that a request is pinned to: a stream outlives its first moment.
      def snapshot
        @snapshot ||= begin
          client.snapshot unless client.ready?
          client.native_snapshot
        end
      end

      def key_url(key, **more) = url("/key", key:, **more)

      def key_link(key, text = Escape.cell(key))
        h.a(text, href: key_url(key), class: "key", translate: "no")
      end
    end
  end
end
