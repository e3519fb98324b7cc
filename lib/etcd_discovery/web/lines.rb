# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # What differs between two values, line by line.
    #
    # @api private
    module Lines
      # Beyond this, comparing each line with each costs too much: then all old lines come before all new
      # ones.
      MOST = 200
      private_constant :MOST

      class << self
        # @param before [String, nil]
        # @param after [String, nil]
        # @return [Array<Array(Symbol, String)>] `:same`, `:gone` or `:new`, and the line
        def difference(before, after)
          old, new = [before, after].map { |text| text.nil? ? [] : split(text) }
          return all(:gone, old) + all(:new, new) if old.size > MOST || new.size > MOST

          steps(old, new, lengths(old, new))
        end

        private

        def split(text)
          lines = ForeignText.exact(text).split("\n", -1)
          lines.empty? ? [""] : lines
        end

        def all(kind, lines) = lines.map { |line| [kind, line] }

        # For each pair of positions, how many lines the rests have in common.
        def lengths(old, new) # rubocop:disable Metrics/AbcSize
          table = Array.new(old.size + 1) { Array.new(new.size + 1, 0) }
          (old.size - 1).downto(0) do |i|
            (new.size - 1).downto(0) do |j|
              table[i][j] =
                old[i] == new[j] ? table[i + 1][j + 1] + 1 : [table[i + 1][j], table[i][j + 1]].max
            end
          end
          table
        end

        def steps(old, new, table) # rubocop:disable Metrics/AbcSize
          i = j = 0
          found = []
          while i < old.size && j < new.size
            kind = kind_of(old[i] == new[j], table[i + 1][j] >= table[i][j + 1])
            found << [kind, kind == :new ? new[j] : old[i]]
            i += 1 unless kind == :new
            j += 1 unless kind == :gone
          end
          found + all(:gone, old[i..]) + all(:new, new[j..])
        end

        def kind_of(same, gone)
          return :same if same

          gone ? :gone : :new
        end
      end
    end
  end
end
