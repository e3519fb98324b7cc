# frozen_string_literal: true

module Field
  # How much a run does with each set-up. `puts` and `huge_puts` are measured ones, `keys` those of "many";
  # `max_staleness` is in seconds, and decides how long a set-up takes. With etcd 3.4 and busy neighbours a
  # proof of freshness may take 3 s.
  Scale = Struct.new(:puts, :huge_puts, :keys, :max_staleness, keyword_init: true)

  LONG = Scale.new(puts: 150, huge_puts: 50, keys: 40_000, max_staleness: 6)
  SHORT = Scale.new(puts: 30, huge_puts: 10, keys: 4_000, max_staleness: 5)
end
