# frozen_string_literal: true

module EtcdDiscovery
  class Rollout
    # Which hosts a rollout has, which layer is each host's own, how many hosts have the value after each
    # step, and which layer is written at the end. Made from what the members say of their layers.
    #
    # @api private
    class Plan
      SHARE = /\A(\d+(?:\.\d+)?)%\z/
      private_constant :SHARE

      class << self
        # @raise [ArgumentError]
        def check_name(name)
          raise TypeError, "expected a String, got #{name.class}" unless name.is_a?(String)
          return name unless name.empty? || name.start_with?("/") || name.end_with?("/")

          raise ArgumentError, "#{name.inspect} is no name in the layers: give it as it is read, such as " \
                               "checkout/limit, without a slash at its ends"
        end

        # @return [Array<Integer, Float>] numbers of hosts, and shares below 1
        # @raise [ArgumentError]
        def check_steps(steps)
          parsed = Array(steps).map { |step| parse(step) }
          return parsed if parsed.any? && parsed.index(:all) == parsed.size - 1

          raise ArgumentError, "steps: #{steps.inspect}: the last step, and no other, is all: 1,10%,all"
        end

        private

        def parse(step)
          text = step.to_s.strip
          return :all if text == "all"
          return Integer(text, 10) if text.match?(/\A[1-9]\d*\z/)

          share = text[SHARE, 1].to_f
          return share / 100 if share.positive? && share <= 100

          raise ArgumentError, "steps: #{step.inspect} is neither a number of hosts above 0, nor a share " \
                               "such as 10%, nor all"
        end
      end

      # @return [Array<String>] in the order in which they get the value
      attr_reader :hosts

      # @return [Array<Array<String>>] the hosts that have the value after each step
      attr_reader :steps

      # @param members [Array<Fleet::Member>]
      # @raise [ConfigurationError] when a host has no layer of its own, or there is none to be written
      def initialize(members, name, steps, layer: nil)
        @name = name
        @members = members.select { |member| member.layers.any? }
        raise without_layers(members) if @members.empty?

        @own = @members.group_by(&:host).sort.to_h { |host, of| [host, layer_of(host, of)] }
        @hosts = @own.keys
        @layer = layer ? checked(layer) : shared_layer
        @steps = sizes(steps).map { |size| @hosts.first(size) }
      end

      # @return [String] the key that is written at the end
      def target = "#{@layer}#{@name}"

      # @return [String] the key that overrides it on a host
      def key_of(host) = "#{@own.fetch(host)}#{@name}"

      # @return [Array<String>] the keys that would hide the value on some host, or be lost with the lease
      def covering_keys
        @members.flat_map { |member| member.layers.take_while { |layer| layer != @layer } }.uniq
                .map { |layer| "#{layer}#{@name}" }
      end

      private

      # A step that adds no host is left out.
      def sizes(steps)
        sizes = steps.map { |step| size(step).clamp(1, @hosts.size) }
        sizes.each_with_object([]) { |size, kept| kept << size if size > (kept.last || 0) }
      end

      def size(step)
        case step
        when :all then @hosts.size
        when Integer then step
        else (step * @hosts.size).ceil
        end
      end

      def layer_of(host, members)
        found = members.map { |member| own_layer(member) || raise(without_own_layer(member)) }.uniq
        return found.first if found.one?

        raise ConfigurationError, "the processes of #{host} have different layers of their own " \
                                  "(#{found.join(', ')}): give each application a fleet of its own; " \
                                  "nothing was written"
      end

      # One that names the host, or else one that no other host has.
      def own_layer(member)
        named = member.layers.find { |layer| layer.split("/").include?(member.host) }
        others = @members.reject { |one| one.host == member.host }
        return named if named || others.empty?

        member.layers.find { |layer| others.none? { |one| one.layers.include?(layer) } }
      end

      # Those that each process reads when its host's own layer has nothing.
      def layers_below
        @layers_below ||= @members.map do |member|
          member.layers.drop(member.layers.index(@own.fetch(member.host)) + 1)
        end.reduce(:&)
      end

      def shared_layer
        layers_below.first || raise(ConfigurationError, "no layer stands below the hosts' own in all " \
                                                        "processes, so there is none to write at the end; " \
                                                        "nothing was written")
      end

      def checked(layer)
        return layer if layers_below.include?(layer)

        raise ConfigurationError, "layer: #{layer.inspect} does not stand below the hosts' own in all " \
                                  "processes; these do: #{layers_below.join(', ')}; nothing was written"
      end

      def without_layers(members)
        why = members.empty? ? "the fleet has no member" : "no process of the fleet has layers"
        ConfigurationError.new("#{why}: a rollout overrides a value in the layers of single hosts; set " \
                               "config.layers, with one that names the host; nothing was written")
      end

      def without_own_layer(member)
        ConfigurationError.new(
          "#{member} has no layer of its own among #{member.layers.join(', ')}: add one that names the " \
          "host, such as \"/shop/hosts/\#{Socket.gethostname}/\", to config.layers; nothing was written"
        )
      end
    end
  end
end
