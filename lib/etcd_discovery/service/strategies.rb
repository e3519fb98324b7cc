# frozen_string_literal: true

module EtcdDiscovery
  class Service
    # Picks one of several instances.
    #
    # @api private
    module Strategies
      NAMES = %i[round_robin random weighted least_loaded].freeze

      module_function

      # The block returns how much work is under way with an instance.
      def choose(strategy, instances, turn, &block)
        unless NAMES.include?(strategy)
          raise ConfigurationError,
                "strategy: #{strategy.inspect} is not one of #{NAMES.map(&:inspect).join(', ')}"
        end
        return instances.first if instances.size < 2

        strategy == :round_robin ? instances[turn % instances.size] : send(strategy, instances, &block)
      end

      def random(instances)
        instances.sample
      end

      # An instance of weight 0 gets work only if all have weight 0.
      def weighted(instances)
        candidates = heavy(instances)
        point = rand * candidates.sum(&:weight)
        candidates.find { |instance| (point -= instance.weight).negative? } || candidates.last
      end

      def least_loaded(instances)
        heavy(instances).sample(2).min_by { |one| (yield(one) + 1) / [one.weight, Float::MIN].max.to_f }
      end

      def heavy(instances)
        candidates = instances.select { |instance| instance.weight.positive? }
        candidates.empty? ? instances : candidates
      end
    end
  end
end
