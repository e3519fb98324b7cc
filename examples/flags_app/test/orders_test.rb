# frozen_string_literal: true

require_relative "test_helper"

# The same promises as in spec/, through puma.
class OrdersTest < ServedTest
  setup { stub_etcd("/flags/checkout" => true, "/service/payments/1" => "10.1.1.60:8081") }

  test "orders are taken while the checkout is open" do
    assert_equal 201, order(1)
    assert_equal({ checkout: true, limit: 1, payments: ["10.1.1.60:8081"] }, state)
  end

  test "orders stop when someone closes the checkout" do
    EtcdDiscovery.put("/flags/checkout", "off")
    assert_equal 503, order(1)
  end

  test "the limit takes effect when it changes" do
    stub_etcd("/config/orders" => { limit: 5 }) { assert_equal [201, 429], [order(5), order(6)] }
    assert_equal 429, order(5)
  end
end

# Independent of what the other tests did.
class ClosedTest < ServedTest
  test "without keys and values the application is closed" do
    assert_equal({ checkout: false, limit: 1, payments: [] }, state)
  end
end
