# frozen_string_literal: true

require_relative "journeys"

RSpec.describe "journeys on the page, under unicorn with four workers", gems: %w[unicorn] do
  include_context "with a browser at the page"

  before(:context) { start_page(Harness::UnicornServer, workers: 4, config: "preload_app true\n") }

  it_behaves_like "a page that people use"

  it "overview: all workers answer in turn, and each has a row in one table" do
    visit("/")
    stay
    expect_soon("the rows of four workers", timeout: 60) { browser.all("[data-merge] tr").size == 4 }
    pids = browser.all("[data-merge] tr td:nth-child(2)").map { |cell| Integer(cell.text) }
    expect([pids.sort, stayed?]).to eq [server.worker_pids, true]
  end

  it "a page that is open does not hold a worker: all four answer at once" do
    6.times { browser.script("window.open(arguments[0])", "#{server.url}/ops/etcd/keys") }
    expect_soon("the pages") { browser.driver.window_handles.size == 7 }
    started = Harness.now
    40.times { Net::HTTP.get_response(URI("#{server.url}/ops/etcd/keys")) }
    # Six streams that each held a worker for their 15 s would leave none of four.
    expect(Harness.now - started).to be < 15
  ensure
    handles = browser.driver.window_handles
    handles.drop(1).each { |handle| browser.driver.switch_to.window(handle).then { browser.driver.close } }
    browser.driver.switch_to.window(handles.first)
  end
end
