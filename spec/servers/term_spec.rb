# frozen_string_literal: true

require_relative "promises"

# What a deployment does to each server: it asks the server to end while a request is under way.
RSpec.describe "a server that is asked to end while a request is under way", gems: %w[puma unicorn] do
  let(:etcd) { start_etcd }

  def serve(kind, **options) = start_server(kind, etcd, workers: 2, **options)

  def announced = etcd.ctl.read_prefix("/service/booted/").keys

  # The answer to the request, and the exit status of the server.
  def told_to_end(server, signal)
    answer = Thread.new { server.get("/until/released") }
    expect_soon("a worker with the request") { server.ask_all.values.any? { |worker| worker["busy"] } }
    server.signal(signal)
    yield if block_given?
    etcd.ctl.put("/service/released", "now")
    [answer.value, server.finish]
  end

  # `how` the server ends by itself: as its authors chose, with the gem as without it.
  def expect_good_order(server, signal:, how:, &meanwhile)
    expect_soon("registrations") { announced.any? }
    answer, status = told_to_end(server, signal, &meanwhile)
    expect(answer).to include("pid")
    expect(status.to_s).to match(how)
    expect(announced).to be_empty
    expect_no_error(server)
  end

  def expect_no_error(server) = expect(File.read(server.log)).not_to(match(/[a-z]Error\b/))

  plugin = "plugin :etcd_discovery\n"
  { "single mode" => [0, ""], "single mode with the plugin" => [0, plugin],
    "preload_app!" => [2, "preload_app!\n"], "preload_app! and the plugin" => [2, "preload_app!\n#{plugin}"],
    "no preloading and the plugin" => [2, "preload_app! false\n#{plugin}"] }.each do |mode, (workers, config)|
    it "puma in #{mode}: TERM answers it, ends as puma does, and leaves nothing in etcd" do
      server = serve(Harness::PumaServer, workers:, config:)
      expect_good_order(server, signal: :TERM, how: /SIGTERM/)
    end
  end

  it "puma in single mode with the plugin: the registration is withdrawn before the request is done" do
    server = serve(Harness::PumaServer, workers: 0, config: plugin)
    expect_good_order(server, signal: :TERM, how: /SIGTERM/) do
      expect_soon("nothing announced") { announced.empty? }
      expect(server.ask(server.master_pid)["busy"]).to be true
    end
  end

  [true, false].each do |preload|
    it "unicorn, preload_app #{preload}: QUIT answers it, ends as unicorn does, and leaves nothing in etcd" do
      server = serve(Harness::UnicornServer, application: Harness::AppServer::SMALL,
                                             config: "preload_app #{preload}\n")
      expect_good_order(server, signal: :QUIT, how: /exit 0/)
    end
  end

  # Passenger ends its clients' connections itself, whatever the application does.
  it "Passenger: TERM ends it as Passenger ends, and leaves nothing in etcd" do
    server = serve(Harness::PassengerServer, spawn_method: "smart")
    expect_soon("registrations") { announced.any? }
    server.signal(:TERM)
    expect(server.finish.to_s).to match(/exit 2/) # as without the gem
    expect_soon("nothing announced") { announced.empty? }
    expect_no_error(server)
  end
end
