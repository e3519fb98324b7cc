# frozen_string_literal: true

lib = ENV.fetch("FLIPPER_LIB", nil)
$LOAD_PATH.unshift(lib) if lib

# Debian has no openfeature-sdk: where it is installed, it comes first.
$LOAD_PATH.push(File.expand_path("spec/support/open_feature_stub"))
