# frozen_string_literal: true

# Subscribed once, at boot: with etcd, with the file, and in the tests.
Rails.application.config.after_initialize { OrderLimit.follow }
