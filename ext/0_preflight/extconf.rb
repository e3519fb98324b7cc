# frozen_string_literal: true

# The gem's first extension: it runs before Cargo compiles anything.
require_relative "prerequisites"

message = Prerequisites.message
abort message if message

# Without a Makefile RubyGems takes an extension for failed. There is nothing to make.
File.write("Makefile", ".PHONY: all clean install\nall clean install:\n")
