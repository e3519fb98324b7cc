# frozen_string_literal: true

# Takes orders while the flag is on, and shows which payment service would get them.
class OrdersController < ActionController::API
  PAYMENTS = EtcdDiscovery.service("/service/payments")

  def show
    render json: { checkout: open?, limit: OrderLimit.current, payments: PAYMENTS.addresses }
  end

  def create
    return head :service_unavailable unless open?
    return head :too_many_requests if params.fetch(:count).to_i > OrderLimit.current

    PAYMENTS.with { |instance| render json: { paid_at: instance.address }, status: :created }
  rescue EtcdDiscovery::NoInstanceError
    head :bad_gateway
  end

  private

  def open? = EtcdDiscovery.boolean("/flags/checkout", false)
end
