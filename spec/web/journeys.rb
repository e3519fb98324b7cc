# frozen_string_literal: true

# What people do on the page, in a real browser. The including group starts `server` once.
RSpec.shared_context "with a browser at the page" do
  attr_reader :etcd, :server, :browser, :writer

  # The application of spec/web, in production.
  def start_page(kind, fleet: "yes", **options)
    @etcd = start_etcd
    environment = Harness::AppServer::CLEAN.merge("RUBYLIB" => File.join(Harness::AppServer::ROOT, "lib"),
                                                  "FLEET" => fleet)
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
    # A roll call of the fleet makes revisions, too.
    expect_soon("that revision") { Integer(browser.text(".headline")[/at revision (\d+)/, 1]) >= revision }
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
    expect_soon("an announcement") { browser.announcement.include?("/shop/tree/branch/leaf") }
    put("tree/branch/new", "grown")
    see("grown", "tr.changed")
    expect(stayed?).to be true
    browser.fill("#q", "branch leaf").click("form[role=search] button")
    see("red")
    expect(browser.text("table")).not_to include("grown")
  end

  it "key: is changed with the widget of its declaration; who, when and why stand in its history" do
    put("checkout/limit", "137", note: "first")
    visit_once_there("/key?key=/shop/checkout/limit", "137")
    expect(browser.text).to include("Orders per minute and worker", "allowed: 1..10000")
    expect(browser.shown("#value").attribute("type")).to eq "number"
    browser.fill("#value", "20000")
    save("too many")
    expect(browser.script("return document.querySelector('#value').validity.rangeOverflow")).to be true
    browser.fill("#value", "250")
    save("the sale starts")
    see("#{server.worker_pids.size} of #{server.worker_pids.size} processes have it", "#live-spread")
    see("the sale starts", ".history")
    expect(browser.text(".history")).to include("ann", "- 137", "+ 250", "first", "ben", Time.now.year.to_s)
    expect(etcd.ctl.get("/shop/checkout/limit")).to eq "250"
  end

  it "key: a boolean is a choice, and a note is required" do
    revision = put("checkout/fast_lane", "false")
    visit_once_there("/key?key=/shop/checkout/fast_lane", "at revision #{revision}")
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
    see("Someone else changed this key first", "h1")
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
    browser.click(".deletion summary").fill("#delete-note", "gone").click("form[action*='/delete'] button")
    expect_soon("the deletion") { etcd.ctl.get("/shop/fresh").nil? }
  end

  it "key: is overridden temporarily, shows for how long, and reverts at once on request" do
    revision = put("checkout/timeout", "1.5s")
    visit_once_there("/key?key=/shop/checkout/timeout", "at revision #{revision}")
    browser.click(".override summary").fill("#override-value", "250ms").fill("#seconds", "500")
    browser.fill("#override-note", "the provider is slow").click("form[action*='/override'] button")
    see("in force for another 8 min", "#live-layers")
    expect(etcd.ctl.get("/shop/overrides/checkout/timeout")).to eq "250ms"
    expect(browser.text("#live-layers")).to include("250ms", "1.5s", "covered")
    browser.fill("#release-note", "fast again").click("form[action*='/release'] button")
    expect_soon("the end") { etcd.ctl.get("/shop/overrides/checkout/timeout").nil? }
    expect_soon("the value below") { browser.text("#live-layers").match?(/1\.5s\s+in force/) }
  end

  it "keys: the values in force are listed by name, each with its layer" do
    put("overrides/banner", "ours")
    put("banner", "theirs")
    expect_soon("the value in force") { visit("/keys?view=names&q=banner").text("table").include?("ours") }
    expect(browser.text("table")).to include("/shop/overrides/")
    expect(browser.text("table")).not_to include("theirs")
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
      expect_soon("a stream on #{page}") { browser.shown("#live.on") }
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
    expect_soon("the change") { browser.announcement.include?("/shop/db/password") }
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
