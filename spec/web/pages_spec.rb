# frozen_string_literal: true

RSpec.describe "the page" do
  attr_reader :etcd, :reader

  before(:context) do
    @etcd = start_etcd
    @reader = client(etcd, "/shop/", "/service/", "/one", change_log: "/shop/changes/").start
  end

  let(:web) { EtcdDiscovery::Web.new(client: reader, write: true, authorize: ->(_env) { "ann" }) }
  let(:browser) { Harness::PageRequests.new(web) }

  def write(key, value, **why)
    reader.wait_for_revision(reader.put(key, value, **why), timeout: 20)
  end

  def address(path, key, **more) = Harness::PageRequests.key(path, key, **more)

  def headers_of(answer) = answer.headers.to_h.transform_keys(&:downcase)

  it "shows this process, what it watches and how old its data is" do
    body = browser.get("/").body
    expect(body).to include("Live", etcd.endpoint, "/shop/ /service/ /one", Process.pid.to_s, "3.",
                            "Put until visible")
  end

  it "leads from what is watched to each key, folder by folder" do
    write("/shop/a/b/c", "deep")
    write("/shop/a/d", "shallow")
    expect(browser.get("/keys").body).to include("/keys?prefix=/shop/", "/keys?prefix=/service/",
                                                 "/key?key=/one")
    expect(browser.get("/keys?prefix=/shop/a/").body).to include("prefix=/shop/a/b/", "/key?key=/shop/a/d",
                                                                 "shallow", "1 key<")
    expect(browser.get("/keys?prefix=/shop/a/").body).not_to include("deep")
  end

  it "finds keys by words of their names, in upper and lower case" do
    write("/shop/Search/Limit", "1")
    write("/shop/search/other", "2")
    body = browser.get("/keys?q=LIMIT+search").body
    expect(body).to include("/key?key=/shop/Search/Limit")
    expect(body).not_to include("/key?key=/shop/search/other")
    expect(browser.get("/keys?q=nowhere").body).to include("No key has all of these words")
  end

  it "shows only what is watched" do
    etcd.ctl.put("/elsewhere/x", "not yours")
    %w[/key?key=/elsewhere/x /keys?prefix=/elsewhere/ /rollback?key=/elsewhere/x&to=1].each do |path|
      answer = browser.get(path)
      expect([answer.status, answer.body.include?("not yours")]).to eq([404, false]), path
    end
    expect(browser.post("/put?key=/elsewhere/x", revision: 0, note: "why", value: "v").status).to eq 404
    expect(etcd.ctl.get("/elsewhere/x")).to eq "not yours"
  end

  it "shows who changed a key, when, why and how" do
    write("/shop/history", "one\ntwo\n", by: "ben", note: "begin")
    write("/shop/history", "one\n2\n", by: "chen", note: "shorter")
    body = browser.get("/key?key=/shop/history").body
    expect(body).to include("<del>- two\n</del>", "<ins>+ 2\n</ins>", "  one\n", "ben", "begin", "chen",
                            "shorter", Time.now.year.to_s)
  end

  hostile = {
    "a script" => "/shop/<script>alert(1)</script>", "quotes" => %q(/shop/"'><b onmouseover=x>),
    "a line break" => "/shop/two\nlines", "dots and slashes" => "/shop/../..//x/",
    "percent signs" => "/shop/%2e%%00",
    "bytes that are not UTF-8" => "/shop/\xff\xfe".b, "NUL and escape" => "/shop/\0\e[2J",
    "a question" => "/shop/a?b=c&d#e+f g",
    "Chinese" => "/shop/限额", "a mark that turns text around" => "/shop/\u202Egnp.exe"
  }

  hostile.each do |what, key|
    it "has a page for a key with #{what}, where nothing of it acts" do
      value = "<script>alert(document.domain)</script>\e[31m\u202E#{what}\x07"
      write(key, value, by: "<i>eve</i>", note: "<img src=x onerror=alert(1)>\e]0;title\a")
      pages = [browser.get(address("/key", key)), browser.get(address("/keys", "x", q: "shop")),
               browser.get(address("/stream/key", key)), browser.get("/keys?prefix=/shop/")]
      pages.each do |answer|
        expect(answer.status).to eq 200
        body = answer.body.dup.force_encoding(Encoding::UTF_8)
        expect(body).to be_valid_encoding
        expect(body).not_to match(/[\u0000-\u0008\u000b-\u001f\u202e]|<script>|<img|<i>|<b /)
      end
      expect(pages.first.body).to include("alert(document.domain)", "\\x1b[31m", "\\u202e")
      written = browser.post(address("/put", key), revision: reader.snapshot.mod_revision(key), note: "n",
                                                   value: "plain")
      expect(written.status).to eq 303
      revision = Integer(written["location"][/wrote=(\d+)/, 1])
      reader.wait_for_revision(revision, timeout: 20)
      expect(reader[key]).to eq "plain"
    end
  end

  it "shows a part of a huge value, and does not edit it" do
    write("/shop/huge", "x" * 1_000_000)
    body = browser.get("/key?key=/shop/huge").body
    expect(body.bytesize).to be < 60_000
    expect(body).to include("too large to edit")
    expect(browser.get("/keys?prefix=/shop/&q=huge").body.bytesize).to be < 20_000
  end

  it "of 100,000 keys it shows 200 at a time, and of a folder only how many it holds" do
    many = client("memory", source: EtcdDiscovery::Source::MEMORY).start
    many.native_write_all(Array.new(100_000) { |n| [format("/many/%02d/%05d", n % 10, n), "v"] })
    browser = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: many, authorize: ->(_env) { "ann" }))
    expect(browser.get("/keys?prefix=/many/").body.scan("10000 keys").size).to eq 10
    pages = ["/keys?prefix=/many/03/", "/keys?q=many"].flat_map do |path|
      first = browser.get(path).body
      [first, browser.get(first[/href="([^"]*after=[^"]*)"/, 1].gsub("&amp;", "&")).body]
    end
    expect(pages.map { |body| body.scan("<tr id=").size }).to eq [200] * 4
    expect(pages.flat_map { |body| body.scan(%r{/key\?key=([^"]+)}) }.uniq.size).to eq 800
    expect(pages.map(&:bytesize).max).to be < 120_000
  end

  it "HEAD has the headers of GET and no body, also of a stream" do
    %w[/keys /nothing /assets/app.css].each do |path|
      get = browser.get(path, HTTP_COOKIE: "etcd_discovery_token=#{'0' * 64}")
      head = browser.head(path, HTTP_COOKIE: "etcd_discovery_token=#{'0' * 64}")
      expect([head.status, head.body]).to eq [get.status, ""]
      expect(headers_of(head)).to eq headers_of(get)
    end
    expect(browser.head("/stream/keys")).to have_attributes(status: 200, body: "")
  end

  it "other methods get 405 with what is allowed, other addresses 404" do
    expect(%w[PUT DELETE OPTIONS PATCH].map { |verb| browser.request(verb, "/keys").status }.uniq).to eq [405]
    expect(browser.request("POST", "/keys")["allow"]).to eq "GET, HEAD"
    expect(browser.get("/put")["allow"]).to eq "POST"
    expect(browser.get("/rollback?key=/one").status).to eq 400
    expect(browser.get("/rollback?to=2").status).to eq 404
    expect(browser.get("/nothing/here").status).to eq 404
    expect(browser.get("/assets/../web.rb").status).to eq 404
    expect(browser.get("/key", QUERY_STRING: "key=%zz").status).to eq 400
  end

  it "no answer is cached, and nothing inline may run" do
    %w[/ /keys /key?key=/one /services /events /nothing /assets/app.js /stream/keys].each do |path|
      answer = browser.get(path)
      headers = headers_of(answer)
      expect(headers["cache-control"]).to include("no-store"), path
      expect(headers["content-security-policy"]).to include("default-src 'none'", "script-src 'self'").and(
        satisfy { |policy| !policy.include?("unsafe") }
      )
      unless path.include?("assets")
        expect(answer.body).not_to match(/ style=|<style| on[a-z]+=|javascript:|<script>/)
      end
    end
  end

  it "links only to itself, wherever it is mounted" do
    mounted = Harness::PageRequests.new(web, SCRIPT_NAME: "/ops/etcd")
    %w[/ /keys /key?key=/one /services /events].each do |path|
      links = mounted.get(path).body.scan(/(?:href|src|action|data-stream)="([^"]*)"/).flatten - ["#main"]
      expect(links).to all(start_with("/ops/etcd/"))
    end
    answer = mounted.get("/keys")
    expect(headers_of(answer)["set-cookie"]).to include("Path=/ops/etcd;", "HttpOnly", "SameSite=Strict")
  end

  it "speaks Chinese or English, whichever the browser prefers" do
    { "zh-CN,zh;q=0.9,en;q=0.8" => "zh-CN", "en-US,en;q=0.9,zh;q=0.5" => "en", "fr, zh-TW;q=0.4" => "zh-CN",
      nil => "en",
      "zh;q=0, *" => "en" }.each do |header, code|
      body = browser.get("/keys", **{ HTTP_ACCEPT_LANGUAGE: header }.compact).body
      expect(body[/<html lang="([^"]+)"/, 1]).to eq(code), header.inspect
    end
    expect(browser.get("/", HTTP_ACCEPT_LANGUAGE: "zh").body).to include("概览", "最近五分钟")
  end

  it "shows services with their instances, and hides secrets in their metadata" do
    metadata = { "zone" => "eu", "api_token" => "t0ps3cret" }
    registered = reader.register("payments", "10.1.1.60:8081", id: "web-1", format: :endpoints, metadata:)
    registered.wait(timeout: 20)
    expect_soon("the instance") { reader.service("payments").addresses.any? }
    5.times { reader.service("payments").with { raise IOError } rescue nil } # rubocop:disable Style/RescueModifier
    body = browser.get("/services").body
    expect(body).to include("payments", "10.1.1.60:8081", "web-1", "zone", "eu", "ejected")
    expect(body).not_to include("t0ps3cret")
  end

  it "a look at a service that the application does not use reports nothing to its log" do
    write("/service/foreign/one", "{not JSON")
    _, _, before = reader.native_drain(0)
    expect(browser.get("/services").body).to include("foreign", "Values that could not be read", "not JSON")
    _, _, after = reader.native_drain(0)
    expect(after.size).to eq before.size
  end

  it "shows the events of this process" do
    body = browser.get("/events").body
    expect(body).to include("connect", "connected to etcd", Process.pid.to_s)
  end

  it "works with a source in place of etcd, and with a client that watches nothing" do
    memory = client("memory", source: EtcdDiscovery::Source::MEMORY).start
    memory.native_write_all([["/shop/limit", "1"], ["/service/b/one", "10.1.1.60:80"]])
    nothing = client(etcd).start
    [memory, nothing].each do |one|
      browser = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: one, authorize: ->(_env) { "ann" }))
      answers = %w[/ /keys /keys?q=limit /services /events].to_h { |path| [path, browser.get(path).status] }
      expect(answers.values.uniq).to eq([200]), answers.inspect
    end
    browser = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: memory, authorize: ->(_env) { "ann" }))
    expect(browser.get("/key?key=/shop/limit").body).to include(">1<")
    expect(browser.get("/services").body).to include("10.1.1.60:80")
  end

  it "says that etcd is away where it must be asked, and shows the rest from memory" do
    proxy = start_proxy(etcd)
    away = client(proxy, "/shop/", request_timeout: 0.5, connect_timeout: 0.5).start
    proxy.refuse
    browser = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: away, authorize: ->(_env) { "ann" }))
    key = browser.get("/key?key=/shop/a/d&past=1")
    expect([key.status, key.body.include?("The history cannot be read now")]).to eq [200, true]
    expect(browser.get("/rollback?key=/shop/a/d&to=2").status).to eq 503
    expect(browser.get("/").status).to eq 200
  end
end
