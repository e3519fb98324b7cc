# frozen_string_literal: true

require_relative "../../spec/support/ruby_process"
require_relative "content"
require_relative "reader"

module Field
  # Other clients, which write to the same etcd some hundred times a second, outside the watched ranges.
  class Neighbours
    PROGRAM = File.expand_path("../programs/neighbours.rb", __dir__)

    def initialize(etcd, **settings)
      field = JSON.generate(settings:)
      @process = Harness::RubyProcess.new("load #{PROGRAM.inspect}", endpoints: [etcd.endpoint],
                                                                     env: { "FIELD" => field })
      @process.heard(timeout: 2 * Reader::LIMIT)
    end

    # Stops them.
    #
    # @return [Integer] their puts per second
    def stop
      @process.tell
      @process.heard
    end
  end
end
