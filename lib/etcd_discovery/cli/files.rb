# frozen_string_literal: true

require_relative "values_file"

module EtcdDiscovery
  class CLI
    # The commands that copy keys to a file, and from a file to etcd.
    #
    # @api private
    module Files
      private

      # Skips keys under a lease: applying the file would keep a registration forever.
      def run_export(prefix)
        reader = client_beside_fleet
        content = History::Content.read(reader, [prefix])
        content = content.without(History.own_prefixes(reader.config, []))
        keys = content.rows.keys.reject { |key| content.leased?(key) }
        file = ValuesFile.new(prefix, keys.to_h { |key| [key, content.value(key)] })
        @out.print(@json ? file.json : file.yaml)
        :ok
      end

      def run_apply(path)
        file = AppliedFile.read(path, content_of(path))
        writer = client_beside_fleet
        application = Application.new(writer, file, prune: @change[:prune])
        application.refuse_changed_since(@change[:if_revision]) if @change[:if_revision]
        @output.differences(application.differences)
        @output.line({ compared_at: application.revision }) if @change[:dry_run]
        write_shown(writer, "apply", application.compares, application.operations)
      end

      # Computes the writes that make etcd equal to a file.
      class Application
        # @return [Array<Difference>] from etcd to the file, in key order
        attr_reader :differences

        def initialize(client, file, prune:)
          @client = client
          @targets = file.values.keys.map { |key| [key, false] }
          @targets += file.prefixes.map { |prefix| [prefix, true] } if prune
          @now = read
          @differences = @now.differences(History::Content.of(file.values)).reject do |one|
            one.type == :delete && spared?(one.key)
          end
        end

        def revision = @now.revision

        def compares = differences.map { |one| [one.key, @now.revision_of(one.key)] }

        def operations = differences.map { |one| [one.key, one.after] }

        # @raise [ConflictError]
        def refuse_changed_since(revision)
          past = read(revision)
          changed = differences.find do |one|
            past.revision_of(one.key) != @now.revision_of(one.key)
          end or return

          Transaction::Conflict.new([changed.key, revision], @now.revision_of(changed.key)).error.then do |e|
            raise e
          end
        end

        private

        def read(at = nil) = History::Content.read(@client, @targets, at)

        # Skips keys that others own: a leased key belongs to the lease's holder, and the change log and the
        # fleet to the gem.
        def spared?(key)
          @now.leased?(key) || key.b.start_with?(*History.own_prefixes(@client.config, []))
        end
      end
      private_constant :Application
    end
  end
end
