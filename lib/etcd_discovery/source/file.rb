# frozen_string_literal: true

module EtcdDiscovery
  module Source
    # A file that one client follows instead of etcd.
    #
    # While it is followed, an invalid change does no harm: the last good content stays, the logger is warned
    # once, and `status.last_error` reports it.
    #
    # @api private
    class File
      # @raise [ConfigurationError] for a file that cannot be read or is invalid
      def initialize(client, path)
        @client = client
        @path = ::File.expand_path(path)
        @lock = Lock.new
        @holds = 0
        @content = {}
        @seen = signature
        load(@seen)
      rescue ConfigurationError => e
        raise ConfigurationError, "#{e.message}; correct it, or remove `source` to follow etcd"
      end

      # Applies the changes in the file. Without changes, confirms the content.
      #
      # @return [void]
      def look
        @lock.synchronize { @holds.zero? ? look_for_change : confirm }
      rescue ConfigurationError => e
        @client.native_fail(e.message)
        line = "#{e.message}; the last good content stays in force"
        @client.event_log.write(:error, line, subject: :source)
      ensure
        @client.native_check_staleness
      end

      # From now on the client holds something else on purpose.
      def hold
        @lock.synchronize { @holds += 1 }
      end

      def release
        @lock.synchronize { @holds -= 1 }
      end

      private

      def look_for_change
        now = signature
        at_rest = now == @seen
        @seen = now
        if now == @loaded
          confirm if @good
        elsif at_rest # else it may be half written
          load(now)
        end
      end

      def load(now)
        @loaded = now
        @good = false
        text = read
        # An editor may leave the file empty for a moment; an author hardly means that.
        raise problem("is empty") if text.empty? && @content.any?

        take(Content.new(text, @path).to_h)
        @good = true
      end

      # Applies only what changed in the file: the application's own writes stay.
      def take(content)
        gone = (@content.keys - content.keys).map { |key| [key, nil] }
        changed = content.reject { |key, value| @content[key] == value }.to_a
        @client.native_write_all(changed + gone) unless changed.empty? && gone.empty?
        @content = content
        confirm
      end

      def confirm
        @client.native_confirm
      end

      def read
        text = ::File.read(@path, mode: "r:bom|utf-8")
        text.valid_encoding? ? text : raise(problem("is not UTF-8"))
      rescue SystemCallError, ArgumentError => e
        raise problem("cannot be read: #{e.is_a?(ArgumentError) ? e.message : e.class.new.message}")
      end

      # Differs after every change; nil while there is no file.
      def signature
        stat = ::File.stat(@path)
        [stat.mtime, stat.ctime, stat.size, stat.ino]
      rescue SystemCallError, ArgumentError
        nil
      end

      def problem(what)
        ConfigurationError.new("source: #{@path} #{what}")
      end
    end
  end
end
