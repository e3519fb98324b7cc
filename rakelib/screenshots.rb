# frozen_string_literal: true

require "etcd_discovery"

# Takes the pictures of the web page for the guide: a small shop under unicorn, in a real browser.
class Screenshots
  Dir[File.expand_path("../spec/support/*.rb", __dir__)].each { |file| require file }

  ROOT = File.expand_path("..", __dir__)
  PAGES = {
    "overview" => "/", "keys" => "/keys?prefix=/shop/checkout/", "key" => "/key?key=/shop/checkout/tiers",
    "override" => "/key?key=/shop/checkout/timeout", "services" => "/services", "events" => "/events"
  }.freeze
  # The schemes and widths of each.
  LOOKS = { "light" => [:light, 1200], "dark" => [:dark, 1200], "narrow" => [:light, 390] }.freeze
  CHANGES = [
    ["checkout/limit", "100", "ann", "Start with what the old flag had"],
    ["checkout/limit", "250", "ben", "More workers since Monday"],
    ["checkout/fast_lane", "false", "ann", "Off until the sale"],
    ["checkout/timeout", "1.5s", "chen", "The provider answers faster now"],
    ["checkout/currency", "EUR", "ann", "As agreed"],
    ["checkout/tiers", %({\n  "silver": 5,\n  "gold": 10\n}), "ann", "Tiers of the spring"],
    ["checkout/tiers", %({\n  "silver": 5,\n  "gold": 12,\n  "platinum": 15\n}), "dora", "Platinum is back"],
    ["db/host", "10.1.1.60", "ben", "The new machine"],
    ["db/password", "not-shown", "ben", "Rotated"]
  ].freeze

  # @param folder [String] where the pictures go
  # @param names [Array<String>] such as `key-dark`
  # @param seconds [Numeric] of changes beforehand, for the charts
  def initialize(folder, names, seconds: 60, languages: "en")
    @folder = folder
    @names = names
    @seconds = seconds
    @languages = languages
  end

  def take
    start
    fill
    @browser = Harness::Browser.new(languages: @languages)
    visit("/")
    work
    @names.each { |name| picture(name) }
    picture_of_conflict
  ensure
    Harness::Cleanup.close_all
  end

  private

  def start
    @etcd = Harness::EtcdServer.new.start
    environment = Harness::AppServer::CLEAN.merge("RUBYLIB" => File.join(ROOT, "lib"), "FLEET" => "yes")
    folder = File.join(ROOT, "spec/web/application")
    application = Harness::AppServer::Application.new(folder, [], environment)
    @server = Harness::UnicornServer.new(endpoints: @etcd.endpoint, application:, workers: 4,
                                         config: "preload_app true\n").start
    @writer = EtcdDiscovery::Client.new(endpoints: [@etcd.endpoint], watch: ["/shop/"],
                                        layers: %w[/shop/overrides/ /shop/], change_log: "/shop/changes/")
  end

  def put(key, value, author, note) = @writer.put("/shop/#{key}", value, by: author, note:)

  def fill
    @writer.start
    CHANGES.each { |change| put(*change) }
    [["web-1", "10.1.1.60:8081", "eu-1"], ["web-2", "10.1.1.61:8081", "eu-2"]].each do |id, address, zone|
      metadata = { "zone" => zone, "api_token" => "not-shown" }
      @writer.register("payments", address, id:, format: :endpoints, metadata:, ttl: 30).wait(timeout: 20)
    end
    @writer.register("search", "10.1.2.10:9200", ttl: 30).wait(timeout: 20)
    @writer.override("checkout/timeout", "250ms", for: 900, by: "ann", note: "The provider is slow")
  end

  # Something for the charts to show.
  def work
    deadline = Harness.now + @seconds
    random = Random.new(1)
    while Harness.now < deadline
      random.rand(1..4).times { |n| @writer.put("/shop/tenants/#{n}/rate", random.rand(100).to_s) }
      Net::HTTP.get(URI("#{@server.url}/ops/etcd/"))
      sleep random.rand(0.2..2.0)
    end
  end

  def visit(path) = @browser.visit("#{@server.url}/ops/etcd#{path}")

  def picture(name)
    page, look = name.split("-")
    scheme, width = LOOKS.fetch(look)
    @browser.size(width, 760).public_send(scheme)
    visit(PAGES.fetch(page)) if PAGES.key?(page)
    Harness::WaitUntil.wait_until("a stream") { @browser.shown("#live.on") }
    save(name)
  end

  def picture_of_conflict
    @browser.size(1200, 760).light
    visit("/key?key=/shop/checkout/limit")
    put("checkout/limit", "300", "ben", "The sale starts")
    @browser.fill("#value", "275").fill("#edit-note", "A little more").click("form[action*='/put'] button")
    Harness::WaitUntil.wait_until("the conflict") { @browser.shown(".pair") }
    save("conflict-light")
  end

  def save(name) = @browser.screenshot(File.join(@folder, "web-#{name}.png"), most: 1800)
end
