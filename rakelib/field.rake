# frozen_string_literal: true

desc "Try the promises on a pairwise table of set-ups, and write it into docs/compatibility.md"
task :field, [:words] => :compile do |_task, given|
  ruby "field/field.rb", *given.to_a
end
