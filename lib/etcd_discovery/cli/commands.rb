# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # What each command does. Each returns the name of an exit status, or a number.
    #
    # @api private
    module Commands
      private

      def run_get(key)
        value = client(key).start[key]
        return :absent if value.nil?

        @output.value(key, value)
        :ok
      end

      def run_list(range = "")
        reader = client(range).start
        pairs = held(reader.snapshot, reader.config, range)
        @output.pairs(pairs)
        return :ok if pairs.any? || prefix?(range)

        @err.puts("etcd_discovery: no key #{Escape.cell(range)}; a prefix ends in a slash")
        :absent
      end

      def run_watch(range)
        reader = client(range).start
        before = {}
        loop do
          now = reader.snapshot
          @output.changes(before, before = held(now, reader.config, range), now.revision)
          wait_for_next(reader, now.revision)
        end
      end

      def wait_for_next(reader, revision)
        reader.wait_for_revision(revision + 1, timeout: 3_600)
      rescue TimeoutError
        nil # Nothing happened.
      end

      def run_services(name = Formats::Format::PREFIX)
        instances = prefix?(name) ? instances_under(name) : instances_of(name)
        @output.instances(instances)
        instances.empty? ? :absent : :ok
      end

      # A key's folder names its service; in the plain form the key itself does.
      def instances_under(prefix)
        reader = client(prefix).start
        names = reader.snapshot.keys.map { |key| key.count("/") > 2 ? key[...key.rindex("/")] : key }
        # Other tools may have written keys that `register` refuses. Those name no service.
        services = names.uniq.select { |name| Instance.name?(name) }
        services.flat_map { |name| reader.service(name, **read_format).instances }.uniq(&:key)
      end

      # The keys that `register` writes for this name.
      def instances_of(name)
        base = Formats[@registration.fetch(:format, :detect)].base(name)
        client(base, "#{base}/").start.service(name, **read_format).instances
      end

      def read_format = @registration.slice(:format)

      def run_status(*watched)
        report = StatusReport.new(watched, connection).run
        @output.line(report.fields)
        complain(report.problem) if report.problem
        return kind_of(report.problem) if report.problem

        report.healthy? ? :ok : :unreachable
      end

      def run_doctor(*watched)
        config = Configuration.new(**application, **@settings, **(watched.empty? ? {} : { watch: watched }))
        DoctorReport.new(@out,
                         json: @json).print(Doctor.new(config, **{ limit: @settings[:boot_timeout] }.compact))
      end

      def run_register(name, address)
        reader = client(*own_key(name, address))
        registration = reader.register(name, address, **@registration)
        sidecar = Sidecar.new(registration, @command, @err)
        status = sidecar.run
        return status if sidecar.confirmed || @command.any?

        kind_of(registration.last_error || TimeoutError.new)
      ensure
        reader&.stop
      end

      def run_completions(shell)
        kind = { "bash" => Completions::Bash, "zsh" => Completions::Zsh }.fetch(shell) do
          raise WrongUsage, "completions: #{shell} is neither bash nor zsh"
        end
        switches = [*parser.top.list, *parser.base.list].grep(OptionParser::Switch)
        @out.print(kind.new(COMMANDS, OPTIONS_OF.merge(OPTIONS_OF_SERVICES), switches).script)
        :ok
      end

      # The key is watched, so that it is written again at once if someone deletes it. The user may be allowed
      # to read only this key.
      def own_key(name, address)
        format = Formats[@registration.fetch(:format, :plain)]
        return [] if format.under_lease?

        [format.key(Instance.new(service: name, address:, **@registration.slice(:id)))]
      end

      # As in `config.watch`: text that ends in a slash is a prefix, and the empty text means everything.
      def prefix?(range) = range.empty? || range.end_with?("/")
    end
  end
end
