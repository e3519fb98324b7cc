# frozen_string_literal: true

desc "Break a real cluster for some minutes, and hold every snapshot of every process against etcd's history"
task :torture, %i[minutes seed] => :compile do |_task, given|
  ruby "torture/torture.rb", given.fetch(:minutes, "3"), *given[:seed]
end

desc "Change a thousand keys a million times, and show that no reader grows"
task :soak, %i[updates] => :compile do |_task, given|
  ruby "torture/soak.rb", *given[:updates]
end
