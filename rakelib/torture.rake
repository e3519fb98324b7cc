# frozen_string_literal: true

desc "Break a real cluster for some minutes, and check all snapshots; etcd is a release to build, such as 3.6"
task :torture, %i[minutes seed etcd] => :compile do |_task, given|
  ruby "torture/torture.rb", *given.to_a
end

desc "Change a thousand keys a million times, and check that no reader grows"
task :soak, %i[updates] => :compile do |_task, given|
  ruby "torture/soak.rb", *given[:updates]
end
