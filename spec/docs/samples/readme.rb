# frozen_string_literal: true

seed(
  "/service/b" => "10.1.1.60:8081", "/config/limit" => "50", "/config/fast_lane" => "on",
  "/config/timeout" => "1500ms", "/config/hosts" => "a, b", "/config/tiers" => '{"gold":3}'
)
