# frozen_string_literal: true

ENV["RAILS_ENV"] = "test"

require_relative "../config/environment"
require "minitest/autorun"
require "net/http"
require "puma"
require "puma/server"
require "etcd_discovery/minitest"

# Asks the application through a real puma, whose threads are others than the test's: as in a system test.
class ServedTest < ActiveSupport::TestCase
  include EtcdDiscovery::Testing::Minitest

  SERVER = Puma::Server.new(Rails.application)
  PORT = SERVER.add_tcp_listener("127.0.0.1", 0).addr[1]
  SERVER.run
  Minitest.after_run { SERVER.stop(true) }

  def state = JSON.parse(Net::HTTP.get(URI("http://127.0.0.1:#{PORT}/")), symbolize_names: true)

  def order(count) = Net::HTTP.post(URI("http://127.0.0.1:#{PORT}/orders?count=#{count}"), "").code.to_i
end
