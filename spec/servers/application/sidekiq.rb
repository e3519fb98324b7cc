# frozen_string_literal: true

require "sidekiq"
require_relative "application"

Application.boot

# Answers like the application, from whichever of Sidekiq's threads gets the job.
class AnswerJob
  include Sidekiq::Worker

  def perform(list) = Sidekiq.redis { |redis| redis.lpush(list, JSON.generate(Application.answer)) }
end
