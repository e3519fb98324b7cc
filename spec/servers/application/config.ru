# frozen_string_literal: true

require_relative "application"

Application.boot
run Application
