# frozen_string_literal: true

module Field
  # Compares what a reader has seen with what was written. `history` has the key and number of each measured
  # put, by revision. Each check returns a sentence that says what is wrong, or nil.
  module Checks
    module_function

    # Each snapshot must show the last value of each key up to its revision, and none may be older than the
    # previous.
    def snapshots(seen, history)
      seen.each_cons(2) do |(before, _), (after, _)|
        return "revision #{after} was read after #{before}" if after < before
      end
      seen.each do |revision, numbers|
        right = numbers.to_h { |key, _| [key, number_at(history, key, revision)] }
        return "at revision #{revision} it read #{numbers}, not #{right}" unless numbers == right
      end
      nil
    end

    # A subscriber must get the values in order, each with its revision, up to the last one.
    def changes(received, history)
      right = last(history)
      received.group_by { |range, key, _| [range, key] }.each do |(range, key), changes|
        numbers = changes.map { |change| change[2] }
        problem = wrong_change(changes, history) || wrong_order(numbers, right[key])
        return "#{range}: #{key} #{problem}" if problem
      end
      nil
    end

    def wrong_change(changes, history)
      wrong = changes.find { |_, key, number, revision| history[revision] != [key, number] }
      wrong && "was notified as #{wrong[2].inspect} at revision #{wrong[3]}, but was not put like that"
    end

    def wrong_order(numbers, last)
      return "was notified in the order #{numbers}" if numbers != numbers.uniq.sort

      numbers.last == last ? nil : "was notified up to #{numbers.last}, but put up to #{last}"
    end

    # The digests of whole snapshots must be those of etcd's content, which the block returns for a revision.
    def digests(seen)
      wrong = seen.find { |revision, digest| digest != yield(revision) }
      wrong && "the snapshot of revision #{wrong.first} is not what etcd held then"
    end

    # @return [Hash{String => Integer}] the number of the last put of each key
    def last(history) = history.sort.to_h { |_, put| put }

    def number_at(history, key, revision)
      history.filter_map { |at, (written, number)| number if written == key && at <= revision }.max || 0
    end
  end
end
