# frozen_string_literal: true

seed("/shop/checkout/limit" => "100", "/shop/checkout/banner" => "no sale")
