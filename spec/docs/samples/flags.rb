# frozen_string_literal: true

require "./spec/support/flippers"

$LOAD_PATH.unshift(Harness::Flippers::LIB) if Harness::Flippers::LIB

# Debian has no openfeature-sdk: where it is installed, it comes first.
$LOAD_PATH.push(File.expand_path("spec/support/open_feature_stub"))
