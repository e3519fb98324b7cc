# frozen_string_literal: true

require "puma/plugin"

# `plugin :etcd_discovery` in config/puma.rb does three things:
#
# - The application's copy is loaded before puma forks or serves.
# - Every worker watches at once.
# - Registrations are withdrawn when their server stops, before the last requests are done, and when puma
#   restarts, where an exec skips Ruby's at_exit blocks.
#
# It does not load the gem: a phased restart must be able to load a new version of it.
Puma::Plugin.create do
  # Uses `start`, not `config(dsl)`: puma drops an option of the user's configuration file around that. The
  # first name is that of puma 7, the second that of puma 5 and 6.
  def start(launcher)
    launcher.config.configure do |user|
      hook(user, :before_fork) { begin_following }
      hook(user, :before_worker_boot, :on_worker_boot) { gem&.after_fork }
      hook(user, :before_restart, :on_restart) { withdraw }
    end
    hook(launcher.events, :after_booted, :on_booted) { begin_following }
    hook(launcher.events, :after_stopped, :on_stopped) { withdraw }
    # Early enough for the last requests, and for a worker that then hangs until puma kills it: under Ruby 3.3
    # and 3.4, IO#close sometimes waits forever in a server that a signal has stopped. No other hook comes
    # this early.
    launcher.events.register(:state) { |state| withdraw if %i[stop halt].include?(state) }
  end

  private

  def hook(target, *names, &block)
    target.public_send(names.find { |name| target.respond_to?(name) }, &block)
  end

  # In a cluster without preloading, the master has neither the gem nor a configuration for it.
  def gem
    ::EtcdDiscovery if defined?(::EtcdDiscovery::Client)
  end

  # puma must start even if etcd is away; the client keeps trying in the background. If the application's boot
  # has already waited for etcd, as in Rails, puma does not wait again.
  def begin_following
    gem.start if gem&.configured? && gem.status.state == :stopped
  rescue ::EtcdDiscovery::Error => e
    warn "etcd_discovery: puma starts without a first copy of etcd's keys: #{e.message}"
  end

  def withdraw
    ::EtcdDiscovery::RegistrationSet.withdraw_all if gem
  end
end
