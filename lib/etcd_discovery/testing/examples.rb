# frozen_string_literal: true

module EtcdDiscovery
  module Testing
    # The metadata of RSpec's examples.
    #
    # @api private
    module Examples
      class << self
        def run(example)
          values = values_of(example.metadata)
          own = values ? Testing.stub(values) : Testing.open
          example.run
        ensure
          own&.close
        end

        private

        # Merges the groups' values from the outside in, so that the nearest wins; nil if there are none.
        def values_of(metadata)
          given = levels(metadata).filter_map { |level| values(level) }
          given.reverse.reduce(:merge)
        end

        # The example's metadata, and its groups' from the inside out.
        def levels(metadata)
          group = metadata[:example_group]
          levels = [metadata]
          (levels << group) && group = group[:parent_example_group] while group
          levels
        end

        # A group passes its values on to its children; merging them twice changes nothing.
        def values(level)
          given = level[:etcd]
          return given == true ? {} : given if given.nil? || given == true || given.is_a?(Hash)

          refuse(given, level[:location])
        end

        def refuse(value, location)
          raise ConfigurationError, "etcd: #{value.class} at #{location}, instead of a Hash of keys, values"
        end
      end
    end
  end
end
