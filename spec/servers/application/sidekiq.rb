# frozen_string_literal: true

require "sidekiq"
require_relative "application"

Application.boot

# Answers as the application does, from whichever of Sidekiq's threads gets it.
class AnswerJob
  include Sidekiq::Worker

  def perform(list) = Sidekiq.redis { |redis| redis.lpush(list, JSON.generate(Application.answer)) }
end
