# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # What each command does. Each returns the name of an exit status, or a number.
    #
    # @api private
    module Commands
      private

      def client(*watched)
        Client.new(watch: watched, **@settings)
      end

      def run_get(key)
        value = client(key).start[key]
        return :absent if value.nil?

        @output.value(key, value)
        :ok
      end

      def run_list(prefix = "")
        @output.pairs(client(prefix_of(prefix)).start.snapshot.to_h)
        :ok
      end

      def run_put(key, value)
        @output.line({ revision: client(key).put(key, value) })
        :ok
      end

      def run_watch(prefix)
        reader = client(prefix_of(prefix)).start
        before = {}
        loop do
          now = reader.snapshot
          @output.changes(before, before = now.to_h, now.revision)
          wait_for_next(reader, now.revision)
        end
      end

      def wait_for_next(reader, revision)
        reader.wait_for_revision(revision + 1, timeout: 3_600)
      rescue TimeoutError
        nil # A quiet hour.
      end

      # Every key is of the service that its folder names; the plain form's is the key itself.
      def run_services(prefix = Formats::Format::PREFIX)
        reader = client(prefix_of(prefix)).start
        names = reader.snapshot.keys.map { |key| key.count("/") > 2 ? File.dirname(key) : key }
        instances = names.uniq.flat_map { |name| reader.service(name).instances }.uniq(&:key)
        @output.instances(instances)
        instances.empty? ? :absent : :ok
      end

      def run_status
        reader = settled(client("\0").start)
        shown = %i[state endpoint server_version revision age last_error last_error_at]
        @output.line(reader.status.to_h.slice(*shown))
        reader.healthy? ? :ok : :unreachable
      end

      # With its first snapshot a client has some milliseconds to go until it watches: show where it gets.
      def settled(reader)
        deadline = Client.now + reader.config.request_timeout
        sleep 0.005 until reader.status.state == :watching || Client.now > deadline
        reader
      end

      def run_register(name, address)
        key = Formats[@registration.fetch(:format, :plain)].base(name)
        reader = client(key, "#{key}/")
        registration = reader.register(name, address, **@registration)
        Sidecar.new(registration, @command, @err).run
      ensure
        reader&.stop
      end

      # What ends in a slash is a prefix; here everything is.
      def prefix_of(text)
        text.empty? || text.end_with?("/") ? text : "#{text}/"
      end
    end
  end
end
