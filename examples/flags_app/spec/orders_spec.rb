# frozen_string_literal: true

require_relative "spec_helper"

RSpec.describe "orders" do
  open = { "/flags/checkout" => true, "/service/payments/1" => "10.1.1.60:8081" }

  it "are closed without keys and values" do
    expect(state).to eq(checkout: false, limit: 1, payments: [])
  end

  context "with a checkout and a payment service", etcd: open do
    it "are taken while the checkout is open" do
      expect(order(1)).to have_attributes(status: 201, body: '{"paid_at":"10.1.1.60:8081"}')
    end

    it "are not taken while it is closed", etcd: { "/flags/checkout" => false } do
      expect(order(1).status).to eq 503
    end

    it "stop when someone closes it" do
      expect(order(1).status).to eq 201
      EtcdDiscovery.put("/flags/checkout", "off")
      expect(order(1).status).to eq 503
    end

    it "are limited, by a limit that takes effect when it changes" do
      stub_etcd("/config/orders" => { limit: 5 })
      expect([order(5), order(6)].map(&:status)).to eq [201, 429]
      set_etcd("/config/orders" => { limit: 6 })
      expect(order(6).status).to eq 201
    end

    it "go to no missing payment service" do
      stub_etcd("/service/payments/1" => nil) { expect(order(1).status).to eq 502 }
      expect(order(1).status).to eq 201
    end

    it "go to one that announces itself" do
      stub_etcd("/service/payments/1" => nil)
      EtcdDiscovery.register("/service/payments", "10.1.1.61:8081", id: "2").wait
      expect(order(1).body).to include("10.1.1.61:8081")
    end
  end
end
