# frozen_string_literal: true

require_relative "library_crates"

desc "Write the licences of the crates in the library into THIRD_PARTY.md"
task(:third_party) { LibraryCrates.write }
