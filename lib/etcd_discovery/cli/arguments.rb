# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    # Checks the number of a command's arguments against the method that runs it.
    #
    # @api private
    module Arguments
      private

      def check_count(method, name)
        least = method.arity.negative? ? -method.arity - 1 : method.arity
        types = method.parameters.map(&:first)
        return if @arguments.size >= least && (types.include?(:rest) || @arguments.size <= types.size)

        expected = types.include?(:rest) ? "#{least}+" : [least, types.size].uniq.join("..")
        raise WrongUsage,
              "#{name}: wrong number of arguments (given #{@arguments.size}, expected #{expected})"
      end
    end
  end
end
