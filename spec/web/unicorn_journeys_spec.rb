# frozen_string_literal: true

require_relative "journeys"

RSpec.describe "journeys on the page, under unicorn with four workers", gems: %w[unicorn] do
  include_context "with a browser at the page"

  before(:context) { start_page(Harness::UnicornServer, workers: 4, config: "preload_app true\n") }

  it_behaves_like "a page that people use"

  it "overview: every worker of the fleet has a row, whichever of them answers" do
    visit("/")
    stay
    expect_soon("the rows of four workers", timeout: 60) do
      pids = browser.all("#live-processes tbody tr td:nth-child(2)").map { |cell| Integer(cell.text) }
      (server.worker_pids - pids).empty?
    rescue Selenium::WebDriver::Error::StaleElementReferenceError
      false
    end
    expect(stayed?).to be true
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

  context "without a fleet" do
    before(:context) do
      start_page(Harness::UnicornServer, fleet: nil, workers: 4, config: "preload_app true\n")
    end

    # Since unicorn 6.1 an idle server gives each request to the same worker.
    def while_busy
      done = false
      others = Array.new(3) do
        Thread.new { Net::HTTP.get_response(URI("#{server.url}/ops/etcd/keys")) until done }
      end
      yield
    ensure
      done = true
      others.each(&:join)
    end

    def workers_shown
      browser.all("[data-merge] tr td:nth-child(2)").map { |cell| Integer(cell.text) }.sort
    rescue Selenium::WebDriver::Error::StaleElementReferenceError
      []
    end

    it "overview: workers answer in turn, and each gets a row" do
      visit("/")
      stay
      while_busy do
        expect_soon("the rows of four workers", timeout: 60) { workers_shown == server.worker_pids }
      end
      expect(stayed?).to be true
    end
  end
end
