# frozen_string_literal: true

module EtcdDiscovery
  class Web
    module Pages
      # The watched keys, folder by folder, and the search among them.
      #
      # @api private
      class Keys < Page
        LIVE = %i[list].freeze
        # Seconds after which a list that shows leases is made again.
        LEASES_EVERY = 5
        private_constant :LEASES_EVERY

        def initialize(...)
          super
          @leased = request.last_event_id.match?(/\Ar\d+t/)
        end

        # A search among 100,000 keys takes a while, and every page that is open makes one. Leases run out
        # without a change.
        def mark = "r#{snapshot.revision}#{"t#{Time.now.to_i / LEASES_EVERY}" if @leased}"

        private

        def section = :keys
        def title = prefix ? Escape.cell(prefix) : t(:nav_keys)
        def stream = url("/stream/keys", **place, after: request.query("after"))
        def prefix = request.query("prefix")
        def words = request.query("q").to_s.strip
        def place = { view: ("names" if names?), prefix:, q: (words unless words.empty?) }

        # Names in the layers with the values in force, instead of keys.
        def names?
          return true if client.config.name?(prefix.to_s)

          request.query("view") == "names" && client.config.layers.any?
        end

        def content
          h.h1(t(:nav_keys))
          views if client.config.layers.any?
          search_form
          trail
          live(:list)
        end

        def views
          h.nav(aria_label: t(:views), class: "views") do
            { nil => :all_keys, "names" => :in_force }.each do |view, text|
              h.a(t(text), href: url("/keys", view:), aria_current: ("page" if names? == !view.nil?))
            end
          end
        end

        def search_form
          h.form(action: url("/keys"), method: "get", role: "search", class: "search") do
            h.input(type: "hidden", name: "view", value: "names") if names?
            h.label(t(:search_label), for: "q", class: "unseen")
            h.input(type: "search", id: "q", name: "q", value: words, placeholder: t(:search_label),
                    autocomplete: "off", spellcheck: "false")
            h.button(t(:search), type: "submit")
          end
        end

        # The way back up.
        def trail
          h.nav(aria_label: t(:trail), class: "trail") do
            h.ol do
              [[nil, t(names? ? :in_force : :all_keys)], *steps].each do |path, name|
                h.li { h.a(name, href: folder_url(path), aria_current: ("page" if path == prefix)) }
              end
            end
          end
        end

        # Only what is watched has a page.
        def steps
          return [] if prefix.nil?

          parts = prefix.b.scan(%r{[^/]*/|[^/]+\z})
          paths = parts.each_index.map { |at| ForeignText.exact(parts[0..at].join) }
          paths.zip(parts.map { |part| Escape.cell(ForeignText.exact(part)) })
               .select { |path, _| watched_prefix?(path) }
        end

        def folder_url(path) = url("/keys", view: place[:view], prefix: path)

        def watched_prefix?(path)
          source.prefix(path)
          true
        rescue UnwatchedKeyError
          false
        end

        def list
          tree = found
          return h.p(t(words.empty? ? :no_keys : :nothing_found), class: "empty") if tree.entries.empty?

          fields = Declared.fields(client)
          keys = keys_of(tree.entries)
          leases = leases_of(keys.values)
          table(title, class: "keys") do
            columns(*headings)
            h.tbody do
              tree.entries.each do |entry|
                entry.folder? ? folder(entry) : row(entry, keys.fetch(entry), fields, leases)
              end
            end
          end
          more(tree.more)
        end

        # @return [Hash{Tree::Entry => String}]
        def keys_of(entries)
          entries.reject(&:folder?).to_h { |entry| [entry, Layered.whole(client, entry.path)] }
        end

        def leases_of(keys) = Leases.of(client, snapshot, keys).tap { |leases| @leased = leases.any? }

        def headings
          [:col_key, :col_value, *(:col_layer if names?), :col_type, *(:col_lease if @leased), :col_changed]
        end

        def found
          after = request.query("after")
          return Tree.search(scope.keys, words, after) unless words.empty?
          return roots if prefix.nil? && !names? && client.config.watch != [""]

          Tree.level(scope.keys, prefix.to_s, after)
        end

        def source = names? ? snapshot.layered : snapshot
        def scope = prefix ? source.prefix(prefix) : source

        # What is watched, each a folder or a key.
        def roots
          watched = client.config.watch.uniq.sort_by(&:b)
          outer = watched.reject do |one|
            watched.any? do |other|
              one != other && other.end_with?("/") && one.b.start_with?(other.b)
            end
          end
          Tree.new([]).tap do |tree|
            tree.entries.concat(outer.map { |one| Tree::Entry.new(one, one, size_of(one)) })
          end
        end

        def size_of(target) = (snapshot.prefix(target).size if target.end_with?("/"))

        def folder(entry)
          h.tr(class: "folder") do
            cell(:col_key) do
              h.a(Escape.cell(entry.name), href: folder_url(entry.path), class: "key")
            end
            cell(:col_count, t(entry.holds == 1 ? :one_key_inside : :keys_inside, count: entry.holds),
                 colspan: headings.size - 1, class: "quiet")
          end
        end

        def row(entry, key, fields, leases)
          found = (client.explain(entry.path).winner if client.config.name?(entry.path))
          field = Declared.field(client, key, fields)
          revision = snapshot.mod_revision(key) || 0
          version = "#{revision}#{found&.layer}"
          h.tr(id: row_id(entry.path), data_version: version, data_name: Escape.cell(entry.path)) do
            cell(:col_key) { key_cell(entry, key, field) }
            cell(:col_value) { value(key, snapshot[key]) }
            cell(:col_layer) { layer(found) } if names?
            cell(:col_type, (field.type if field), class: "quiet")
            cell(:col_lease, lease_left(leases, key), class: "number") if @leased
            cell(:col_changed, revision, class: "number")
          end
        end

        def layer(found)
          return if found.nil?

          found.temporary? ? state(:doubtful, found.layer) : h.text(found.layer)
        end

        def key_cell(entry, key, field)
          key_link(key, entry.name.empty? ? t(:no_name) : Escape.cell(entry.name))
          h.div(field.description, class: "hint") if field&.description
        end

        def more(after)
          return if after.nil?

          h.p { h.a(t(:next_page), href: url("/keys", **place, after:), rel: "next", class: "button") }
        end
      end
    end
  end
end
