# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # The options of the commands that change values or show the past.
    #
    # @api private
    module ChangeOptions
      private

      def change_options(options)
        @change = {}
        write_options(options)
        past_options(options)
        layer_options(options)
      end

      def write_options(options)
        options.on("--file FILE", "read the value from this file; `-` is standard input") do |file|
          @change[:file] = file
        end
        options.on("--if-revision N", Integer,
                   "write only if nothing changed since; 0: the key must not exist") do |at|
          @change[:if_revision] = at
        end
        options.on("--by NAME", "author, for the change log") { |name| @change[:by] = name }
        options.on("--note TEXT", "reason, for the change log") { |text| @change[:note] = text }
        apply_options(options)
      end

      def apply_options(options)
        options.on("--prune", "delete keys under the file's prefixes that it does not have") do
          @change[:prune] = true
        end
        options.on("--dry-run", "show the difference and write nothing") { @change[:dry_run] = true }
        options.on("--change-log PREFIX", "where writes add their entries") do |log|
          @settings[:change_log] = log
        end
      end

      def past_options(options)
        options.on("--from REVISION", Integer, "the first revision to compare") { |at| @change[:from] = at }
        options.on("--to REVISION", Integer,
                   "the second one (now, if not given); where to go back to") do |at|
          @change[:to] = at
        end
        options.on("--limit N", Integer, "how many of the newest changes") { |limit| @change[:limit] = limit }
      end

      def check_change_options(command)
        option = @change.keys.find { |name| !OPTIONS_OF.fetch(name).include?(command) } or return

        raise WrongUsage, "#{command}: there is no --#{option.to_s.tr('_', '-')} for this command"
      end

      def needed(option)
        @change.fetch(option) { raise WrongUsage, "--#{option} REVISION is missing" }
      end

      # The author and the reason.
      def why = @change.slice(:by, :note)
    end
  end
end
