# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # The services that this process uses or can see, with their instances.
      #
      # @api private
      class Services < Page
        LIVE = %i[list].freeze
        # Where names without a slash stand.
        BASE = "/service/"
        MOST = 100
        MOST_INSTANCES = 200

        # A service that the application does not use. To look at it reports nothing to the application's log.
        class Seen
          def initialize(client, name)
            @reader = Service::Reader.new(client, name, Service::Options.new) { nil }
          end

          def instances = @reader.instances
          def rejected = @reader.rejected
          def ejected = []
          def kept? = false
          def in_flight(_instance) = 0
        end
        private_constant :Seen

        private

        def section = :services
        def title = t(:nav_services)
        def stream = url("/stream/services")

        def content
          h.h1(title)
          live(:list)
        end

        def list
          found = services
          return h.p(t(:no_services), class: "empty") if found.empty?

          found.first(MOST).each { |name, service| one(name, service) }
          h.p(t(:more_services, count: found.size - MOST), class: "hint") if found.size > MOST
        end

        # @return [Hash{String => Service}] those that the application uses, which know who keeps failing, and
        #   the others under the usual prefix
        def services
          used = client.used_services.group_by(&:name).transform_values(&:last)
          names = seen.reject { |name| used.key?(name) || used.key?("#{BASE}#{name}") }
          others = names.to_h { |name| [name, Seen.new(client, name)] }
          used.merge(others).sort_by { |name, _| name.b }.to_h
        end

        def seen
          tree = Tree.level(snapshot.prefix(BASE).keys, BASE)
          names = tree.entries.map { |entry| entry.name.delete_suffix("/") }
          names.uniq.select { |name| Instance.name?(name) }
        rescue UnwatchedKeyError
          []
        end

        def one(name, service)
          h.section(class: "service") do
            h.h2(translate: "no") { h.text(Escape.cell(name)) }
            instances(name, service)
            rejected(service)
          end
        rescue UnwatchedKeyError
          h.p(t(:service_unwatched), class: "empty")
        end

        def instances(name, service)
          found = service.instances
          notice(:doubtful, t(:service_kept)) if service.kept?
          return h.p(t(:no_instances), class: "empty") if found.empty?

          ejected = service.ejected
          leases = Leases.of(client, snapshot, found.first(MOST_INSTANCES).filter_map(&:key))
          table(t(:instances_of, name:)) do
            columns(:col_address, :col_id, :col_state, :col_weight, :col_in_flight, :col_metadata, :col_lease)
            h.tbody { found.first(MOST_INSTANCES).each { |one| row(service, one, ejected, leases) } }
          end
        end

        def row(service, instance, ejected, leases)
          out = ejected.include?(instance)
          revision = snapshot.mod_revision(instance.key) if instance.key
          h.tr(id: row_id(instance.key || instance.address), data_version: "#{revision}#{out}",
               data_name: instance.address) do
            cell(:col_address) { address(instance) }
            cell(:col_id, instance.id)
            cell(:col_state) { out ? state(:bad, t(:ejected)) : state(:good, t(:in_use)) }
            cell(:col_weight, instance.weight, class: "number")
            cell(:col_in_flight, service.in_flight(instance), class: "number")
            cell(:col_metadata) { metadata(instance.metadata) }
            cell(:col_lease, lease_left(leases, instance.key), class: "number")
          end
        end

        def address(instance)
          return hidden if web.mask.masked?("", instance.address)

          instance.key ? key_link(instance.key, instance.address) : h.text(instance.address)
        end

        def metadata(pairs)
          pairs.first(20).each do |name, value|
            text = value.is_a?(String) ? value : value.to_json
            h.span(class: "pair-of") do
              h.text("#{Escape.line(name.to_s)}: ")
              web.mask.masked?(name.to_s, text) ? hidden : h.code(Escape.line(text)[0, SHORT])
            end
          end
        end

        def rejected(service)
          found = service.rejected
          return if found.empty?

          h.h3(t(:rejected))
          h.ul { found.first(20).each { |key, reason| h.li("#{Escape.cell(key)}: #{reason}") } }
        end
      end
    end
  end
end
