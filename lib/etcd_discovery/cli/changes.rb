# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # The commands that write a key, show the past, and restore it.
    #
    # @api private
    module Changes
      STANDARD_INPUT = "-"
      private_constant :STANDARD_INPUT

      private

      def run_put(key, value = nil)
        value = value_to_put(value, "put")
        check_declared(key, value)
        writer = client
        written(writer, key, writer.put(key, value, **@change.slice(:if_revision), **why))
      end

      # The comparison says whether there was a key to delete: etcd's own answer has a revision either way.
      def run_delete(key)
        writer = client
        expected = @change.fetch(:if_revision, true)
        revision = writer.write!("delete", [[key, expected]], [[key, nil]], **why)
        written(writer, key, revision)
      rescue ConflictError => e
        raise unless expected == true && e.revision.zero?

        absent("no key #{Escape.cell(key)}; nothing was deleted")
      end

      def run_history(key)
        entries = client.history(key, **@change.slice(:limit))
        @output.history(entries)
        entries.empty? ? :absent : :ok
      end

      def run_diff(target)
        @output.differences(client_beside_fleet.diff(target, from: needed(:from), to: @change[:to]))
        :ok
      end

      def run_rollback(target)
        writer = client_beside_fleet
        rollback = History::Rollback.new(writer, target, needed(:to))
        @output.differences(rollback.differences)
        write_shown(writer, "rollback", rollback.compares, rollback.operations)
      end

      # Writes exactly what was shown: the comparisons fail if one of the keys has changed since.
      def write_shown(writer, action, compares, operations)
        return :ok if operations.empty? || @change[:dry_run]

        revision = writer.write!(action, compares, operations, **why)
        @output.line({ revision: })
        awaited(writer, revision)
      end

      def written(writer, key, revision)
        if revision.nil?
          raise ConflictError, "#{Escape.cell(key)} has changed since revision #{@change[:if_revision]}; " \
                               "nothing was written"
        end

        @output.line({ revision: })
        awaited(writer, revision)
      end

      def value_to_put(value, command)
        file = @change[:file]
        raise WrongUsage, "#{command}: give VALUE or --file FILE, not both" if value && file
        raise WrongUsage, "#{command}: no value given: VALUE, or --file FILE" unless value || file

        value || content_of(file)
      end

      # The exact bytes, including a newline at the end.
      def content_of(file)
        file == STANDARD_INPUT ? $stdin.binmode.read : File.binread(file)
      rescue SystemCallError => e
        raise ConfigurationError, "#{file}: #{e.class.new.message}"
      end
    end
  end
end
