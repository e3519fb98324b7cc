# frozen_string_literal: true

# Runs the spec files of the given folders under spec/: `ruby rakelib/specs.rb reads offline`.

require_relative "spec_files"

files = ARGV.flat_map { |folder| Dir["spec/#{folder}/**/*_spec.rb"] }
exit SpecFiles.new(files).run
