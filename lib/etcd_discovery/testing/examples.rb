# frozen_string_literal: true

module EtcdDiscovery
  module Testing
    # RSpec's examples and their metadata.
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

        # Those of the outer groups first, each overridden by what is nearer; nil where nobody gives any.
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

        # A group's are passed on to all that is in it: merged once more they change nothing.
        def values(level)
          given = level[:etcd]
          return given == true ? {} : given if given.nil? || given == true || given.is_a?(Hash)

          refuse(given, level[:location])
        end

        def refuse(value, location)
          raise ConfigurationError, "etcd: #{value.class} at #{location}, in place of a Hash of keys, values"
        end
      end
    end
  end
end
