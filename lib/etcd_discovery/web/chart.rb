# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # A small line over the last minutes, drawn as SVG. Colors come from the stylesheet.
    #
    # @api private
    class Chart
      WIDTH = 300
      HEIGHT = 64
      SPAN = 300.0
      # Pixels above the highest point, so that a line has room.
      ROOM = 6
      private_constant :WIDTH, :HEIGHT, :SPAN, :ROOM

      # @param points [Array<Array(Float, Float)>] time and value, the oldest first
      # @param floor [Numeric] the scale reaches at least so high
      def initialize(html, points, floor: 1, now: Clock.now)
        @html = html
        @now = now
        @points = points.select { |time, value| value && time >= now - SPAN }
        @top = [@points.map(&:last).max || 0, floor].max.to_f
      end

      # @param label [String] for those who do not see it
      def draw(label, dots: false)
        @html.svg(viewBox: "0 0 #{WIDTH} #{HEIGHT}", role: "img", aria_label: label, class: "chart",
                  preserveAspectRatio: "none") do
          @html.line(x1: 0, y1: HEIGHT - 1, x2: WIDTH, y2: HEIGHT - 1, class: "axis")
          dots ? draw_dots : draw_line
        end
      end

      # @return [Float] the value at the upper edge
      attr_reader :top

      def last = @points.last&.last

      def any? = @points.any?

      private

      def draw_line
        return if @points.size < 2

        line = @points.map { |point| place(*point).join(",") }
        first, = place(*@points.first)
        last, = place(*@points.last)
        @html.polygon(points: ["#{first},#{HEIGHT - 1}", *line, "#{last},#{HEIGHT - 1}"].join(" "),
                      class: "area")
        @html.polyline(points: line.join(" "), class: "line")
      end

      def draw_dots
        @points.each do |point|
          x, y = place(*point)
          @html.rect(x: (x - 1).round(1), y:, width: 2, height: (HEIGHT - 1 - y).round(1), class: "dot")
        end
      end

      def place(time, value)
        x = WIDTH * (1 - ((@now - time) / SPAN))
        y = (HEIGHT - 1) - ((HEIGHT - 1 - ROOM) * value / @top)
        [x.round(1), y.round(1)]
      end
    end
  end
end
