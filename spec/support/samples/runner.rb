# frozen_string_literal: true

# Runs the samples of a page that follow __END__, and reports on each. Loaded into a RubyProcess.

# Writes keys before a page begins.
def seed(values)
  client = EtcdDiscovery::Client.new(endpoints:)
  values.each { |key, value| client.put(key, value) }
  client.stop
end

# The result of a line, once it is what its comment says; some results come from another thread.
def expect_value(text)
  wanted = TOPLEVEL_BINDING.eval(text)
  deadline = now + 10
  given = yield
  until given == wanted
    raise "gives #{given.inspect} instead of #{text}" if now > deadline

    sleep 0.01
    given = yield
  end
  given
end

# `expression # => value` becomes a check.
def checked(code)
  code.gsub(/^( *(?:\w+ = )?)(\S.*?)\s+# => (.+)$/) do
    target, expression, value = Regexp.last_match.captures
    "#{target}expect_value(#{value.dump}) { #{expression} }"
  end
end

def run_samples(samples)
  samples.each do |sample|
    TOPLEVEL_BINDING.eval(checked(sample.fetch("code")), sample.fetch("page"), sample.fetch("line"))
    report({ line: sample.fetch("line") })
  rescue Exception => e # rubocop:disable Lint/RescueException -- the next sample still runs
    report({ line: sample.fetch("line"), error: e.full_message(highlight: false) })
  end
end
