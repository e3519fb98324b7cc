# frozen_string_literal: true

module Field
  # The amount of work for each set-up. `puts` and `huge_puts` are the measured puts, `keys` the number of
  # keys of "many"; `max_staleness` is in seconds, and determines how long a set-up takes. With etcd 3.4 and
  # busy neighbours a confirmation may take 3 s.
  Scale = Struct.new(:puts, :huge_puts, :keys, :max_staleness, keyword_init: true)

  LONG = Scale.new(puts: 150, huge_puts: 50, keys: 40_000, max_staleness: 6)
  SHORT = Scale.new(puts: 30, huge_puts: 10, keys: 4_000, max_staleness: 5)
end
