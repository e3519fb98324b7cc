# frozen_string_literal: true

# Checks sig/ against the library, in a separate process: `ruby rakelib/signatures.rb`.
#
# The signatures must be valid; every public constant and method of the loaded library must have one, unless
# its documentation says `@api private`; and each must describe something that exists.

require_relative "signatures/comparison"
require_relative "signatures/declarations"
require_relative "signatures/public_api"

Signatures::Declarations.valid? or abort "sig/ is not valid; the errors of RBS are above."

$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
# Some files can be loaded only with Rails.
require "rails"
require "etcd_discovery"
# Debian has no openfeature-sdk.
$LOAD_PATH.push(File.expand_path("../spec/support/open_feature_stub", __dir__))
Dir["lib/etcd_discovery/**/*.rb"].each { |file| require File.expand_path(file) }

comparison = Signatures::Comparison.new(
  Signatures::PublicApi.new(EtcdDiscovery), Signatures::Declarations.new("EtcdDiscovery")
)
differences = comparison.differences
abort differences.join("\n") if differences.any?
