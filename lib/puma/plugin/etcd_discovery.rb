# frozen_string_literal: true

require "puma/plugin"

# `plugin :etcd_discovery` in config/puma.rb: the application's copy is there before puma forks or serves,
# every worker watches at once, and what a process announced is withdrawn when its server stops, before the
# last requests are done, and when puma restarts, where an exec skips Ruby's at_exit blocks.
#
# It does not load the gem: a phased restart must be able to bring a new version of it.
Puma::Plugin.create do
  # By `start`, not `config(dsl)`: puma drops an option of the user's configuration file around that.
  # The first name is that of puma 7, the second one that of puma 5 and 6.
  def start(launcher)
    launcher.config.configure do |user|
      hook(user, :before_fork) { begin_following }
      hook(user, :before_worker_boot, :on_worker_boot) { gem&.after_fork }
      hook(user, :before_restart, :on_restart) { withdraw }
    end
    hook(launcher.events, :after_booted, :on_booted) { begin_following }
    hook(launcher.events, :after_stopped, :on_stopped) { withdraw }
    # Before the last requests are done, and also in a worker that then hangs until puma kills it: under Ruby
    # 3.3 and 3.4, IO#close sometimes waits forever in a server that a signal has stopped. No other hook comes
    # that early.
    launcher.events.register(:state) { |state| withdraw if %i[stop halt].include?(state) }
  end

  private

  def hook(target, *names, &block)
    target.public_send(names.find { |name| target.respond_to?(name) }, &block)
  end

  # In a cluster without preloading the master has neither the gem nor a configuration of it.
  def gem
    ::EtcdDiscovery if defined?(::EtcdDiscovery::Client)
  end

  # puma must come up also when etcd is away: the client goes on trying in the background. Where the boot of
  # the application has waited for etcd already, as that of Rails does, puma does not wait once more.
  def begin_following
    gem.start if gem&.configured? && gem.status.state == :stopped
  rescue ::EtcdDiscovery::Error => e
    warn "etcd_discovery: puma starts without a first copy of etcd's keys: #{e.message}"
  end

  def withdraw
    ::EtcdDiscovery::RegistrationSet.withdraw_all if gem
  end
end
