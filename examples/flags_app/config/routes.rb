# frozen_string_literal: true

Rails.application.routes.draw do
  get "/", to: "orders#show"
  post "/orders", to: "orders#create"
end
