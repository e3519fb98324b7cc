# frozen_string_literal: true

require "digest"

module EtcdDiscovery
  class Web
    # How values, times, states and tables look, on every page.
    #
    # @api private
    module Display
      # Characters of a value in a table.
      SHORT = 160
      MASK = "••••••••"
      # Columns of numbers, which stand at the right.
      NUMBERS = %i[col_pid col_revision col_age col_reconnects col_memory col_changed col_weight col_in_flight
                   col_latency col_lease col_size].freeze
      private_constant :MASK, :NUMBERS

      private

      # Changes when the row is to be highlighted; the same for one key on all pages.
      def row_id(key) = "k-#{Digest::SHA256.hexdigest(key.b)[0, 16]}"

      # A value in one line, or that there is none, or that it is hidden.
      def value(key, value, limit: SHORT)
        return h.em(t(:absent), class: "absent") if value.nil?
        return hidden if web.mask.masked?(key, value)
        return h.em(t(:empty), class: "absent") if value.empty?

        shown = Escape.line(value.b[0, limit * 4].force_encoding(value.encoding).scrub("").gsub(/[ \t\n]+/,
                                                                                                " "))
        cut = shown.length > limit || value.bytesize > limit * 4
        h.code(cut ? "#{shown[0, limit]}…" : shown, translate: "no")
        h.small(" #{bytes(value.bytesize)}") if cut
      end

      def hidden = h.span(MASK, class: "hidden", title: t(:masked), aria_label: t(:masked), role: "img")

      def bytes(number)
        return "#{number} B" if number < 1024

        number < 1_048_576 ? format("%.1f KiB", number / 1024.0) : format("%.1f MiB", number / 1_048_576.0)
      end

      def seconds(number)
        return "–" if number.nil?
        return format("%d ms", number * 1000) if number < 1
        return format("%.1f s", number) if number < 60

        minutes, rest = number.to_i.divmod(60)
        return format("%d min %d s", minutes, rest) if number < 3600

        format("%d h %d min", *minutes.divmod(60))
      end

      # @param leases [Hash] of {Leases.of}
      # @return [String, nil] how long the lease of a key lasts; `nil` without a lease
      def lease_left(leases, key)
        return unless key && leases.key?(key.b)

        left = leases[key.b]
        left ? seconds(left) : t(:unknown)
      end

      def time(moment)
        return h.text("–") if moment.nil?

        h.time(moment.getlocal.strftime("%Y-%m-%d %H:%M:%S"), datetime: moment.utc.iso8601(3),
                                                              title: moment.utc.iso8601)
      end

      # A state in words, with a color beside them.
      def state(kind, text) = h.span(text, class: "state #{kind}")

      def notice(kind, text, **attributes)
        h.p(text, class: "notice #{kind}", role: (kind == :bad ? "alert" : "status"), **attributes)
      end

      # A row of a table; on a phone each cell stands under its column's name.
      def columns(*names)
        h.thead do
          h.tr do
            names.each do |name|
              h.th(t(name), scope: "col", class: ("number" if NUMBERS.include?(name)))
            end
          end
        end
      end

      def cell(column, content = nil, **attributes, &block)
        h.td(content, data_label: t(column), **attributes, &block)
      end

      # A table that scrolls by itself where it is too wide, also by keyboard.
      def table(caption, **attributes)
        h.div(class: "scroll", tabindex: "0", role: "region", aria_label: caption) do
          h.table(**attributes) do
            h.caption(caption, class: "unseen")
            yield
          end
        end
      end
    end
  end
end
