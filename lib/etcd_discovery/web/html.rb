# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Builds HTML from calls. Every text and every attribute is escaped on its way in, and nothing adds HTML
    # as it is: a view cannot forget to escape.
    #
    # @api private
    class Html
      ESCAPED = { "&" => "&amp;", "<" => "&lt;", ">" => "&gt;", '"' => "&quot;", "'" => "&#39;" }.freeze
      VOID = %i[meta link input br].freeze
      TAGS = %i[html head title meta link script body header nav main footer section article aside h1 h2 h3
                div span p a b em strong small code pre ul ol li dl dt dd table caption thead tbody tr th td
                form label input textarea select option button time figure figcaption svg g line polyline
                polygon circle rect ins del fieldset legend].freeze
      NAME = /\A[a-zA-Z][\w-]*\z/
      private_constant :ESCAPED, :VOID, :TAGS, :NAME

      class << self
        # @return [String] for HTML, with everything visible that a terminal or a browser would act on
        def text(value)
          escape(value.to_s.split(/([\n\t])/).map do |part|
                   part.match?(/\A[\n\t]\z/) ? part : Escape.line(part)
                 end
                      .join)
        rescue ArgumentError # bytes that are not UTF-8
          escape(Escape.line(value.to_s))
        end

        # @return [String] for HTML, the same characters
        def escape(value)
          utf8 = value.to_s.dup.force_encoding(Encoding::UTF_8)
          utf8.scrub.gsub(/[&<>"']/, ESCAPED)
        end
      end

      def initialize
        @out = +""
      end

      TAGS.each do |name|
        define_method(name) do |content = nil, **attributes, &block|
          tag(name, content, **attributes, &block)
        end
      end

      # An element; its content is a text, or what the block adds. Attributes that are `nil` or `false` are
      # left out.
      def tag(name, content = nil, **attributes)
        @out << "<" << name.to_s
        attributes.each { |attribute, value| add_attribute(attribute.to_s.tr("_", "-"), value) }
        @out << ">"
        return if VOID.include?(name)

        text(content) unless content.nil?
        yield if block_given?
        @out << "</" << name.to_s << ">"
      end

      # @param value [Object]
      def text(value)
        @out << Html.text(value)
      end

      # A text that is edited, and must come back with the same characters. HTML drops a first line break.
      def exact(value)
        @out << "\n" << Html.escape(value)
      end

      def doctype = @out << "<!DOCTYPE html>\n"

      # @return [String]
      def to_s = @out

      private

      def add_attribute(name, value)
        return if value.nil? || value == false
        raise ArgumentError, "#{name.inspect} is no name of an attribute" unless name.match?(NAME)

        @out << " " << name
        @out << '="' << Html.escape(value) << '"' unless value == true
      end
    end
  end
end
