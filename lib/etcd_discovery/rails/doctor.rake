# frozen_string_literal: true

namespace :etcd_discovery do
  desc "Look for what is wrong between this application and etcd"
  task doctor: :environment do
    require "etcd_discovery/cli"
    client = EtcdDiscovery.client
    registered = client.registrations.map(&:key).compact
    doctor = EtcdDiscovery::Doctor.new(client.config, registered:, folder: Rails.root.to_s)
    status = EtcdDiscovery::CLI::DoctorReport.new($stdout, json: ENV.key?("JSON")).print(doctor)
    exit EtcdDiscovery::CLI::EXITS.fetch(status)
  end
end
