# frozen_string_literal: true

module EtcdDiscovery
  class Service
    # Makes instances from keys and values, again only when one of them has changed.
    #
    # When the new list is empty, it can keep the last one in use.
    #
    # @api private
    class Reader
      attr_reader :base, :rejected

      def initialize(client, name, options, &report)
        @client = client
        @name = name
        @format = options.format
        @keep_last = options.keep_last
        @report = report
        @base = @format.base(name)
        @generation = 0
        @current = [].freeze
        @rejected = {}.freeze
      end

      def instances
        refresh
        release if @kept_until && Clock.now >= @kept_until
        @current
      end

      def kept?
        !@kept_until.nil?
      end

      private

      def refresh
        generation, entries = @client.native_service_entries(@base, @generation)
        return unless generation

        before = @generation
        @generation = generation
        rejected = {}
        found = once(entries.filter_map { |key, value| read(key, value, rejected) }, rejected).freeze
        tell_rejected(rejected)
        @rejected = rejected.freeze
        before.positive? && found.empty? ? emptied : take(found)
      end

      # One bad value costs one instance, whatever the format raises (promise 13).
      def read(key, value, rejected)
        id = id_in(key)
        return if Marks.mark?(id, value) || (id && @format.nested?(id, value))

        @format.decode(@name, id, key, value)
      rescue StandardError, NotImplementedError => e
        rejected[key] = reason(e)
        nil
      end

      # Keeps one instance per address: a server that restarted under another id has two keys until its old
      # lease ends, but gets one share of work.
      def once(instances, rejected)
        first = {}
        instances.select do |instance|
          other = first[instance.address] ||= instance
          rejected[instance.key] = "its address is also that of #{other.key}" unless other.equal?(instance)
          other.equal?(instance)
        end
      end

      # Compares bytes: a key that is not UTF-8 cannot be compared with a service name that has an accent.
      def id_in(key)
        bytes = key.b
        return if bytes == @base.b

        id = bytes.delete_prefix("#{@base}/".b)
        Escape.utf8?(id) ? id.force_encoding(Encoding::UTF_8) : id
      end

      # The parser's message would quote the value, which may be a secret.
      def reason(error)
        case error
        when JSON::ParserError then "not JSON"
        when Error, KeyError, NotImplementedError then error.message[0, 200]
        else error.class.name
        end
      end

      def tell_rejected(rejected)
        (rejected.to_a - @rejected.to_a).each do |key, reason|
          @report.call(:rejected, "#{Escape.cell(key)} is not a valid instance: #{Escape.line(reason)}")
        end
      end

      def take(found)
        @kept_until = nil if found.any?
        @current = found unless @kept_until
      end

      def emptied
        return if @current.empty? || @kept_until
        return drop("no instance is left") if @keep_last.zero?

        @kept_until = Clock.now + @keep_last
        @report.call(:kept, "no instance is left; keeping the last #{@current.size} for #{@keep_last} s")
      end

      def drop(message)
        @current = [].freeze
        @report.call(:emptied, message)
      end

      def release
        @kept_until = nil
        @current = [].freeze
        @report.call(:released, "still no instance; the last ones are no longer used")
      end
    end
  end
end
