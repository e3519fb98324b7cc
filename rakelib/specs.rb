# frozen_string_literal: true

# Runs the spec files of the given folders under spec/, or single ones without their ending:
# `ruby rakelib/specs.rb reads offline main_job/fork`.

require_relative "spec_files"

files = ARGV.flat_map { |name| Dir["spec/#{name}_spec.rb", "spec/#{name}/**/*_spec.rb"] }
exit SpecFiles.new(files).run
