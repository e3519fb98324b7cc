# frozen_string_literal: true

ENV["RAILS_ENV"] = "test"

require_relative "../config/environment"
require "rack/mock"
require "etcd_discovery/rspec"

# How a spec asks the application.
module Requests
  def get(path) = Rack::MockRequest.new(Rails.application).get(path)

  def order(count) = Rack::MockRequest.new(Rails.application).post("/orders?count=#{count}")

  def state = JSON.parse(get("/").body, symbolize_names: true)
end

RSpec.configure do |config|
  config.include Requests
  config.disable_monkey_patching!
  config.order = :random
end
