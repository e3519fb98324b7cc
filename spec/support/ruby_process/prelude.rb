# frozen_string_literal: true

# What a snippet of a RubyProcess can call. Loaded before it, in its process.

require "json"
require "etcd_discovery"

autoload :SelectScheduler, File.join(__dir__, "select_scheduler")

# The pipes of RubyProcess. Children inherit them and may report too: one short write is atomic.
REPORTS = IO.for_fd(3, "w")
WORDS = IO.for_fd(4, "r")

# Reports something to the spec that JSON can represent.
def report(value) = REPORTS.syswrite("#{JSON.generate(value)}\n")

# Waits for the spec to send a line.
def hear = WORDS.gets

def endpoints = ENV.fetch("ENDPOINTS").split(",")

def configure(*watched, **settings)
  EtcdDiscovery.configure do |config|
    config.endpoints = endpoints
    config.watch(*watched)
    settings.each { |name, value| config.public_send("#{name}=", value) }
  end
end

def connect(*watched, **settings)
  configure(*watched, **settings)
  EtcdDiscovery.start
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Polls, as the spec does, because nothing announces that a value has arrived.
def wait_until(description, limit = 30)
  deadline = now + limit
  until (value = yield)
    abort "waited #{limit} s for #{description}" if now > deadline
    sleep 0.005
  end
  value
end

# The class and message of what the block raises, or nil.
def error_of
  yield
  nil
rescue Exception => e # rubocop:disable Lint/RescueException -- a `fatal` from native code is reported too
  { class: e.class.name, ancestors: e.class.ancestors.map(&:name), message: e.message }
end

# Runs the block in a forked child, which leaves without at_exit blocks, and waits for it.
def in_child
  pid = fork do
    yield
    exit!(0)
  rescue Exception => e # rubocop:disable Lint/RescueException
    report({ failure: "in the child: #{e.full_message(highlight: false)}" })
    exit!(1)
  end
  _, status = Process.wait2(pid)
  status.success? || report({ failure: "the child ended with #{status}" })
end
