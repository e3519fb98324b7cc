# frozen_string_literal: true

desc "Break a real cluster for some minutes, and hold every snapshot of every process against etcd's history"
task :torture, %i[minutes seed] => :compile do |_task, given|
  ruby "torture/torture.rb", given.fetch(:minutes, "3"), *given[:seed]
end
