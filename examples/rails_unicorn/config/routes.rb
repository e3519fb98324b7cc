# frozen_string_literal: true

Rails.application.routes.draw do
  get "/", to: "services#show"
  get "/status", to: "status#show"
end
