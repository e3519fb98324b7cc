# frozen_string_literal: true

desc "Break promises on purpose, one at a time, and show which test catches each"
task(:mutants) { ruby "rakelib/mutants.rb" }
