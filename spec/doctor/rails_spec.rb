# frozen_string_literal: true

RSpec.describe "bin/rails etcd_discovery:doctor" do
  it "examines the application's own settings, what it watches, registers and forks with" do
    etcd = start_etcd
    Harness::EtcdUsers.new(etcd).add("app", "secret", prefix: "/config/").enforce
    application = Harness::RailsApplication.new
    application.write("config/etcd_discovery.yml", "shared:\n  watch: [/config/]\n  user: app:secret\n")
    application.write("config/unicorn.rb", "preload_app true\n")
    application.write("config/initializers/announce.rb", <<~RUBY)
      EtcdDiscovery.register("b", "10.0.0.1:80", id: "own") if Rails.application
    RUBY
    said, status = application.try("bin/rails", "etcd_discovery:doctor",
                                   ETCDDISCOVERY_ENDPOINTS: etcd.endpoint)
    expect(said).to match(%r{^fine +settings +watch: .*/config/.*Rails' configuration})
    expect(said).to match(/^fine +settings +endpoints: .*ETCDDISCOVERY_ENDPOINTS/)
    expect(said).to match(/^doubtful +fork_hooks +config.unicorn.rb/)
    expect(said).to match(%r{^fine +permission +/config/: may be read})
    expect(said).to match(%r{^wrong +permission +/service/b/own: })
    expect(said.scan(/^wrong/).size).to eq 1
    expect(said).not_to include "secret"
    expect(status.exitstatus).to eq 1
  end
end
