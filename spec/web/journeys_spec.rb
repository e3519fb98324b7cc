# frozen_string_literal: true

# What people do on the page, in a real browser. The including group starts `server` once.
RSpec.shared_context "with a browser at the page" do
  attr_reader :etcd, :server, :browser, :writer

  # The application of spec/web, in production.
  def start_page(kind, **options)
    @etcd = start_etcd
    environment = Harness::AppServer::CLEAN.merge("RUBYLIB" => File.join(Harness::AppServer::ROOT, "lib"))
    folder = File.join(Harness::AppServer::ROOT, "spec/web/application")
    application = Harness::AppServer::Application.new(folder, [], environment)
    @server = start_server(kind, etcd, application:, **options)
    @writer = client(etcd, "/shop/", "/service/", change_log: "/shop/changes/").start
    @browser = Harness::Browser.new
  end

  def put(key, value, note: "by the spec") = writer.put("/shop/#{key}", value, by: "ben", note:)

  def visit(path) = browser.visit("#{server.url}/ops/etcd#{path}")

  # Until every worker has it: a page may come from any of them.
  def visit_once_there(path, text)
    expect_soon("#{text} at #{path}") { visit(path).text.include?(text) }
  end

  # The page was not loaded again since `stay`.
  def stay = browser.script("window.stayed = true")
  def stayed? = browser.script("return window.stayed === true")

  def see(text, css = "body") = expect_soon("#{text} in #{css}") { browser.text(css).include?(text) }

  def save(note)
    browser.fill("#edit-note", note).click("form[action*='/put'] button")
  end
end

RSpec.shared_examples "a page that people use" do
  include_context "with a browser at the page"

  it "overview: says that all is well, and draws the last minutes" do
    visit("/")
    see("Live", ".headline")
    expect(browser.text(".facts")).to include(etcd.endpoint, "/shop/ /service/")
    expect(browser.all("svg.chart").size).to eq 3
    stay
    revision = put("overview", "1")
    see("at revision #{revision}", ".headline")
    expect(stayed?).to be true
  end

  it "keys: leads down the tree, finds by search, and marks a changed row without a reload" do
    put("tree/branch/leaf", "green")
    visit_once_there("/keys?prefix=/shop/tree/branch/", "green")
    visit("/keys").click("a[href$='prefix=/shop/']").click("a[href$='prefix=/shop/tree/']")
    browser.click("a[href$='prefix=/shop/tree/branch/']")
    see("green")
    stay
    put("tree/branch/leaf", "red")
    see("red", "tr.changed")
    expect_soon("an announcement") { browser.script("return announcement.textContent").include?("/shop/tree/branch/leaf") }
    put("tree/branch/new", "grown")
    see("grown", "tr.changed")
    expect(stayed?).to be true
    browser.fill("#q", "branch leaf").click("form[role=search] button")
    see("red")
    expect(browser.text("table")).not_to include("grown")
  end

  it "key: is changed with the widget of its declaration; who, when and why stand in its history" do
    put("checkout/limit", "100", note: "first")
    visit_once_there("/key?key=/shop/checkout/limit", "100")
    expect(browser.text).to include("Orders per minute and worker", "allowed: 1..10000")
    expect(browser.find("#value").attribute("type")).to eq "number"
    browser.fill("#value", "20000")
    save("too many")
    expect(browser.script("return document.querySelector('#value').validity.rangeOverflow")).to be true
    browser.fill("#value", "250")
    save("the sale starts")
    see("This process has it", "#live-spread")
    see("the sale starts", ".history")
    expect(browser.text(".history")).to include("ann", "- 100", "+ 250", "first", "ben", Time.now.utc.year.to_s)
    expect(etcd.ctl.get("/shop/checkout/limit")).to eq "250"
  end

  it "key: a boolean is a choice, and a note is required" do
    put("checkout/fast_lane", "false")
    visit_once_there("/key?key=/shop/checkout/fast_lane", "false")
    browser.choose("#value", "true").click("form[action*='/put'] button")
    expect(browser.script("return document.querySelector('#edit-note').validity.valueMissing")).to be true
    save("because")
    expect_soon("the write") { etcd.ctl.get("/shop/checkout/fast_lane") == "true" }
  end

  it "key: a change by someone else shows both values, and one decides again" do
    put("contended", "one")
    visit_once_there("/key?key=/shop/contended", "one")
    browser.fill("#value", "mine")
    put("contended", "theirs")
    see("theirs", "#live-current") # and the form still holds what was typed
    save("a race")
    see("Someone else was faster", "h1")
    expect(browser.text(".pair")).to include("mine", "theirs")
    expect(etcd.ctl.get("/shop/contended")).to eq "theirs"
    browser.click("form[action*='/put'] button")
    expect_soon("the second decision") { etcd.ctl.get("/shop/contended") == "mine" }
  end

  it "key: is rolled back from its history, after a look at what changes" do
    put("rolled", "good")
    put("rolled", "bad")
    visit_once_there("/key?key=/shop/rolled", "bad")
    see("good", ".history")
    browser.click(".history a[href*='/rollback']")
    see("- bad", ".difference")
    expect(browser.text(".difference")).to include("+ good")
    browser.fill("#rollback-note", "it was better").click("form[action*='/rollback'] button")
    expect_soon("the way back") { etcd.ctl.get("/shop/rolled") == "good" }
  end

  it "key: is created and deleted" do
    visit("/key?key=/shop/fresh")
    see("There is no such key", "#live-current")
    browser.fill("#value", "born")
    save("new")
    see("born", "#live-current")
    browser.click("details summary").fill("#delete-note", "gone").click("form[action*='/delete'] button")
    expect_soon("the deletion") { etcd.ctl.get("/shop/fresh").nil? }
  end

  it "a key and a value that are a script do nothing, and the browser has nothing to complain of" do
    hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\e[31m"
    put(hostile, hostile, note: hostile)
    path = Harness::PageRequests.key("/key", "/shop/#{hostile}")
    visit_once_there(path, "document.title='owned'")
    [path, "/keys?prefix=/shop/", "/keys?q=script", "/events"].each do |page|
      browser.complaints
      stay if visit(page)
      put("tick", rand.to_s)
      expect_soon("a stream on #{page}") { browser.find("#live.on") }
      expect(browser.title).not_to eq "owned"
      expect(browser.complaints).to eq []
    end
  end

  it "a secret is hidden, live too, and has no form" do
    put("db/password", "hunter2")
    visit("/key?key=/shop/db/password")
    see("Hidden", "#live-current")
    stay
    put("db/password", "hunter3")
    expect_soon("the change") { browser.script("return announcement.textContent").include?("/shop/db/password") }
    expect(browser.script("return document.documentElement.outerHTML")).not_to match(/hunter\d/)
    expect(browser.all("form[action*='/put']")).to be_empty
  end

  it "services and events: a new instance appears without a reload" do
    visit("/services")
    stay
    registered = writer.register("payments", "10.1.1.60:8081", id: "web-1", format: :endpoints, ttl: 60)
    see("10.1.1.60:8081", "tr.changed")
    registered.deregister
    expect_soon("its end") { !browser.text("#live-list").include?("10.1.1.60:8081") }
    expect(stayed?).to be true
    visit("/events")
    see("connect", "table")
  end
end

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
    pages = Array.new(6) { |n| [n, browser.script("window.open(arguments[0])", "#{server.url}/ops/etcd/keys")] }
    expect(pages.size).to eq 6
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

RSpec.describe "journeys on the page, under puma", gems: %w[puma] do
  include_context "with a browser at the page"

  before(:context) { start_page(Harness::PumaServer, workers: 2, config: "preload_app!\n") }

  pages = { "the overview" => "/", "the keys" => "/keys?prefix=/shop/checkout/", "a key" => "/key?key=/shop/checkout/tiers",
            "a rollback" => "/rollback?key=/shop/checkout/limit&to=2", "the services" => "/services", "the events" => "/events" }

  it_behaves_like "a page that people use"

  context "looked at closely" do
    before(:context) do
      put("checkout/limit", "100")
      put("checkout/limit", "200")
      put("checkout/tiers", %({\n  "gold": 10\n}))
      put("checkout/#{'long/' * 20}key-without-any-place-to-break-it-#{'x' * 80}", "y" * 300)
      @registered = writer.register("search", "10.1.2.10:9200", ttl: 60)
    end

    after do
      browser.light.size(1200, 900)
    end

    pages.each do |what, path|
      it "#{what} is readable in light and in dark: text stands out from its ground by 4.5 to 1" do
        visit(path)
        see("etcd_discovery")
        weak = %i[light dark].to_h { |scheme| [scheme, (browser.public_send(scheme) && browser.script(CONTRAST))] }
        expect(weak).to eq(light: [], dark: [])
      end

      it "#{what} fits a phone: nothing is wider than the screen" do
        browser.size(360, 740)
        visit(path)
        see("etcd_discovery")
        expect(browser.script("return document.documentElement.scrollWidth")).to be <= 360
      end

      it "#{what} tells a screen reader what is what" do
        visit(path)
        see("etcd_discovery")
        expect(browser.script(NAMELESS)).to eq []
        landmarks = %w[header nav main footer h1].to_h { |name| [name, browser.all(name).size] }
        expect(landmarks).to include("header" => 1, "main" => 1, "footer" => 1, "h1" => 1)
        expect(browser.script("return [...document.querySelectorAll('[id]')].map(e => e.id)").tally.values.max).to eq 1
      end
    end

    it "works by keyboard alone: skips to the content, and saves a value" do
      put("checkout/currency", "EUR")
      visit_once_there("/key?key=/shop/checkout/currency", "EUR")
      browser.press(:tab, :enter)
      expect(browser.script("return document.activeElement.id")).to eq "main"
      tab_to("value")
      browser.press("C")
      tab_to("edit-note")
      browser.press("by keyboard", :enter)
      expect_soon("the write") { etcd.ctl.get("/shop/checkout/currency") == "CNY" }
    end

    it "is in Chinese for a browser that prefers it" do
      chinese = Harness::Browser.new(languages: "zh-CN,zh,en")
      chinese.visit("#{server.url}/ops/etcd/keys")
      expect(chinese.text).to include("所有键", "操作人：ann")
      expect(chinese.script("return document.documentElement.lang")).to eq "zh-CN"
      chinese.close
    end

    def tab_to(id)
      expect_soon("the focus on #{id}") do
        browser.press(:tab)
        browser.script("return document.activeElement.id") == id
      end
    end
  end
end

# Elements that can be used and have no name, and images without a text.
NAMELESS = <<~'JS'
  const named = (e) => (e.labels && e.labels.length) || e.getAttribute("aria-label") || e.textContent.trim() ||
    (e.getAttribute("aria-labelledby") && document.getElementById(e.getAttribute("aria-labelledby")));
  return [...document.querySelectorAll("a,button,input:not([type=hidden]),select,textarea,svg,nav,section,[role=img],[role=region]")]
    .filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 120));
JS

# Texts whose color is too near to that of their ground (WCAG 2, AA).
CONTRAST = <<~'JS'
  const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) { return c; }
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((e) => {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.offsetParent || e.closest(".unseen, .skip, svg")) { return false; }
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map((e) => e.outerHTML.slice(0, 100));
JS
