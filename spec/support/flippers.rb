# frozen_string_literal: true

module Harness
  # The gem flipper: the one that is installed, or the one whose `lib` folder FLIPPER_LIB names.
  module Flippers
    # Debian testing's package of the gem flipper lacks some of its files, and those of other gems have all.
    WHOLE = Gem.path.flat_map { |path| Dir[File.join(path, "gems/flipper-*/lib/flipper/expressions")] }.max
    LIB = ENV.fetch("FLIPPER_LIB") { WHOLE && File.expand_path("../..", WHOLE) }

    module_function

    def load
      $LOAD_PATH.unshift(LIB) if LIB && !$LOAD_PATH.include?(LIB)
      require "etcd_discovery/flipper"
    end

    # Parts that some packages lack: Debian 12 has neither the API nor the examples for adapters.
    def part?(feature)
      load
      require "pathname" # the API forgets it
      require feature
      true
    rescue LoadError
      false
    end

    # What a snippet of a RubyProcess begins with.
    def prelude
      "#{"$LOAD_PATH.unshift(#{LIB.dump})\n" if LIB}require 'etcd_discovery/flipper'\n"
    end
  end
end
