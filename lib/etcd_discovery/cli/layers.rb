# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # The commands for names in layers.
    #
    # @api private
    module Layers
      private

      # Asks etcd itself: a person wants to know what is there now, and needs no right but for these keys.
      def run_explain(name)
        reader = client
        keys = EtcdDiscovery::Layers.keys(reader.config, name)
        content = History::Content.read(reader, keys.map { |_, key| [key, false] })
        explanation = Explanation.new(name, keys.map do |layer, key|
          row = content.rows[key]
          [layer, key, row&.value, row&.revision, row&.lease]
        end)
        @output.explanation(explanation)
        explanation.winner ? :ok : :absent
      end

      def run_override(name, value = nil)
        value = value_to_put(value, "override")
        check_declared(name, value)
        writer = client
        revision = writer.override(name, value, **@change.slice(:for, :if_revision), **why)
        @output.line({ revision: })
        awaited(writer, revision)
      end

      def run_release(name)
        writer = client
        revision = writer.release(name, **@change.slice(:if_revision), **why)
        return absent("#{Escape.cell(name)} is not overridden; nothing was written") if revision.nil?

        @output.line({ revision: })
        awaited(writer, revision)
      end

      def layer_options(options)
        options.on("--layers LIST", Array, "prefixes to look a name up in, the first one wins") do |list|
          @settings[:layers] = list
        end
        options.on("--for TIME", "length of an override: seconds, or 90s, 10m, 2h (default: 600)") do |time|
          @change[:for] = seconds_of(time)
        end
      end

      def seconds_of(time)
        seconds("--for", time).tap do |seconds|
          raise WrongUsage, "--for: expected a time above 0, such as 10m" unless seconds.positive?
        end
      end

      # A snapshot, or the effective values for a name or a prefix of names.
      def held(held, config, range)
        return held.to_h unless config.name?(range)
        return held.layered.prefix(range).to_h if prefix?(range)

        held.key?(range) ? { range => held[range] } : {}
      end

      def absent(problem)
        @err.puts("etcd_discovery: #{problem}")
        :absent
      end
    end
  end
end
