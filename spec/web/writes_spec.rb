# frozen_string_literal: true

require "cgi"
require "logger"

RSpec.describe "the page and writes" do
  attr_reader :etcd, :reader

  before(:context) do
    @etcd = start_etcd
    @reader = client(etcd, "/shop/", change_log: "/shop/changes/").start
  end

  let(:authorize) { ->(env) { env["HTTP_X_USER"] == "eve" ? nil : "ann" } }
  let(:web) { EtcdDiscovery::Web.new(client: reader, write: true, authorize:) }
  let(:browser) { Harness::PageRequests.new(web) }
  let(:shown) { write("/shop/limit", "100") }

  before do
    reader.wait_for_revision(etcd.ctl.delete("/shop/", "--prefix"), timeout: 20)
    reader = self.reader
    stub_const("PageSettings", Class.new(EtcdDiscovery::Settings) do
      define_singleton_method(:client) { reader }
      prefix "/shop/checkout/"
      field :limit, type: :integer, default: 100, in: 1..10_000, description: "orders per minute"
      field :fast, type: :boolean, default: false
      field :wait, type: :duration, default: 2.0
      field :tiers, type: :json, default: {}.freeze
      field :hosts, type: :list, default: [].freeze
      field :currency, type: :string, default: "EUR", in: %w[EUR CNY]
    end)
  end

  def write(key, value)
    reader.put(key, value, by: "ben", note: "before").tap do |revision|
      reader.wait_for_revision(revision, timeout: 20)
    end
  end

  # What has been written, but for the change log.
  def content = etcd.ctl.read_prefix("/shop/").reject { |key,| key.start_with?("/shop/changes/") }

  def put(value, key: "/shop/limit", revision: shown, note: "the sale", **options)
    browser.post("/put?key=#{key}", value:, revision:, note:, **options)
  end

  it "writes in the name of who acts, with the note, and leads back to the key" do
    answer = put("250")
    expect([answer.status, answer.body]).to eq [303, ""]
    expect(answer["location"]).to eq "/key?key=/shop/limit&wrote=#{etcd.ctl.mod_revision_of('/shop/limit')}"
    expect(reader.history("/shop/limit").first).to have_attributes(value: "250", by: "ann", note: "the sale")
    reader.wait_for_revision(shown + 1, timeout: 20)
    expect(browser.get(answer["location"]).body).to include("This process has it")
  end

  # Each with what a browser sends that should not be let in.
  refused = {
    "without a token" => { token: nil }, "with another token" => { token: "0" * 64 },
    "without the cookie" => { cookie: nil }, "with neither" => { token: nil, cookie: nil },
    "with an empty token and an empty cookie" => { token: "", cookie: "" },
    "with a foreign Origin" => { origin: "https://evil.example" }, "without an Origin" => { origin: nil },
    "with the Origin null" => { origin: "null" },
    "with an Origin of another port" => { origin: "http://example.org:81" },
    "with an Origin of another scheme" => { origin: "https://example.org" },
    "with an Origin that only begins alike" => { origin: "http://example.org.evil.example" },
    "with an Origin that is no address" => { origin: "http://exa mple.org" },
    "by a name that authorize refuses" => { headers: { "HTTP_X_USER" => "eve" } }
  }

  refused.each do |what, sent|
    it "a write #{what} is refused with 403, and nothing is written" do
      earlier = shown
      now = write("/shop/limit", "200")
      statuses = %w[/put /delete /rollback].map do |path|
        browser.post("#{path}?key=/shop/limit&to=#{earlier}", value: "666", revision: now, note: "n",
                                                              **sent).status
      end
      expect([statuses, etcd.ctl.current_revision]).to eq [[403] * 3, now]
    end
  end

  it "with write: false a write is refused with 403, and nothing is written" do
    reading = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: reader, authorize:))
    now = shown
    statuses = %w[/put /delete /rollback].map do |path|
      reading.post("#{path}?key=/shop/limit&to=#{now}", value: "666", revision: now, note: "n").status
    end
    expect([statuses, etcd.ctl.current_revision]).to eq [[403] * 3, now]
    expect(reading.get("/key?key=/shop/limit").body).not_to include("<form action=\"/put")
  end

  it "nothing at all is served to a name that authorize refuses" do
    statuses = %w[/ /keys /key?key=/shop/limit /services /events /assets/app.js /stream/keys
                  /nothing].map do |path|
      browser.get(path, HTTP_X_USER: "eve").status
    end
    expect(statuses.uniq).to eq [403]
  end

  it "an authorize that answers with something other than a name lets no one in" do
    [true, 1, "", " ", "\u3000\u200b", "".encode("UTF-16LE"), Object.new, []].each do |answer|
      web = EtcdDiscovery::Web.new(client: reader, write: true, authorize: ->(_env) { answer })
      expect(Harness::PageRequests.new(web).get("/keys").status).to eq(403), answer.inspect
    end
  end

  it "works behind a proxy that terminates TLS and tells the host" do
    proxied = { "HTTP_X_FORWARDED_PROTO" => "https", "HTTP_X_FORWARDED_HOST" => "ops.example.com" }
    answer = put("250", origin: "https://ops.example.com", headers: proxied)
    expect(answer.status).to eq 303
    expect(browser.get("/keys", **proxied.transform_keys(&:to_sym))["set-cookie"]).to include("; Secure")
  end

  it "a key that has changed since it was shown is not overwritten: both values are shown" do
    earlier = shown
    now = write("/shop/limit", "300")
    answer = put("250", revision: earlier)
    expect([answer.status, etcd.ctl.get("/shop/limit")]).to eq [409, "300"]
    expect(answer.body).to include("Someone else changed this key first", ">250<", ">300<",
                                   %(name="revision" value="#{now}"), "the sale")
    expect(put("250", revision: now).status).to eq 303
  end

  it "a key that someone else created, or deleted, is a conflict too" do
    expect(put("1", key: "/shop/new", revision: 0).status).to eq 303
    expect(put("2", key: "/shop/new", revision: 0).status).to eq 409
    deleted = etcd.ctl.mod_revision_of("/shop/new")
    etcd.ctl.delete("/shop/new")
    answer = put("3", key: "/shop/new", revision: deleted)
    expect([answer.status, answer.body.include?("There is no such key"),
            etcd.ctl.get("/shop/new")]).to eq [409, true, nil]
  end

  it "a deletion is compared with what was shown, and needs a note" do
    earlier = shown
    now = write("/shop/limit", "300")
    answers = [earlier, now].map do |revision|
      browser.post("/delete?key=/shop/limit", revision:, note: "gone").status
    end
    expect([answers, etcd.ctl.get("/shop/limit")]).to eq [[409, 303], nil]
    expect(reader.history("/shop/limit").first).to have_attributes(type: :delete, by: "ann", note: "gone")
  end

  it "a rollback is shown first, and compared with what was shown" do
    earlier = shown
    now = write("/shop/limit", "300")
    path = "/rollback?key=/shop/limit&to=#{earlier}"
    expect(browser.get(path).body).to include("<del>- 300\n</del>", "<ins>+ 100\n</ins>")
    expect(browser.post(path, revision: earlier, note: "back").status).to eq 409
    expect(browser.post(path, revision: now, note: "back").status).to eq 303
    expect(etcd.ctl.get("/shop/limit")).to eq "100"
  end

  it "a write without a note is not made, and keeps what was typed" do
    ["", "  ", "\u3000", "\u200b", "\u00a0", "\ufeff\u2060", "\u3164\u2800"].each do |note|
      answer = put("250", note:)
      expect([answer.status, answer.body.include?("Write a note"),
              answer.body.include?('value="100"')]).to eq [422, true, false]
      expect(answer.body).to include("\n250</textarea>")
    end
    expect(etcd.ctl.get("/shop/limit")).to eq "100"
  end

  {
    "limit" => ["ten", "1.5", "0", "10001", ""], "fast" => %w[maybe 2], "wait" => ["soon", "-1", "5 parsecs"],
    "tiers" => ["{", "{'a':1}"], "currency" => ["USD"]
  }.each do |name, bad|
    it "a value that the declared #{name} does not allow is refused, and nothing is written" do
      bad.each do |value|
        answer = put(value, key: "/shop/checkout/#{name}", revision: 0)
        expect([answer.status, answer.body.include?('role="alert"')]).to eq([422, true]), value
      end
      expect(content).to eq({})
    end
  end

  { "limit" => [" 50 ", "50"], "fast" => %w[true true], "wait" => %w[1m30s 1m30s],
    "tiers" => ["{\r\n\"a\": 1}", "{\n\"a\": 1}"],
    "hosts" => ["a\r\nb", "a\nb"], "currency" => %w[CNY CNY] }.each do |name, (typed, written)|
    it "#{typed.inspect} is written for the declared #{name}" do
      expect(put(typed, key: "/shop/checkout/#{name}", revision: 0).status).to eq 303
      expect(etcd.ctl.get("/shop/checkout/#{name}")).to eq written
      reader.wait_for_revision(etcd.ctl.current_revision, timeout: 20)
      expect([PageSettings.to_h.size, reader.status.invalid_keys]).to eq [6, []]
    end
  end

  it "what the declaration does not allow is not written in Base64 or by a rollback either" do
    bad = write("/shop/checkout/limit", "20000")
    revision = write("/shop/checkout/limit", "5")
    answers = ["20000", "ten", "\xff".b].map do |value|
      put([value].pack("m0"), key: "/shop/checkout/limit", revision:, encoding: "base64")
    end
    answers << browser.post("/rollback?key=/shop/checkout/limit&to=#{bad}", revision:, note: "back")
    shown = answers.map { |answer| [answer.status, answer.body.include?('role="alert"')] }
    expect(shown).to eq [[422, true]] * 4
    expect(etcd.ctl.get("/shop/checkout/limit")).to eq "5"
    expect(put(["50"].pack("m0"), key: "/shop/checkout/limit", revision:,
                                  encoding: "base64").status).to eq 303
  end

  it "a value under a lease is not saved or rolled back: it would stay for good" do
    before = write("/shop/leased", "1")
    lease = etcd.ctl.run("lease", "grant", "600")[/lease (\h+)/, 1]
    revision = etcd.ctl.put("/shop/leased", "2", "--lease=#{lease}")
    reader.wait_for_revision(revision, timeout: 20)
    answers = [put("3", key: "/shop/leased", revision:),
               browser.post("/rollback?key=/shop/leased&to=#{before}", revision:, note: "back")]
    shown = answers.map { |answer| [answer.status, answer.body.include?("ends by itself")] }
    expect(shown).to eq [[422, true]] * 2
    expect([etcd.ctl.get("/shop/leased"), etcd.ctl.lease_of("/shop/leased")]).to match ["2", be_positive]
    page = browser.get("/key?key=/shop/leased").body
    expect([page.include?("ends by itself"), page.include?('action="/put')]).to eq [true, false]
    expect(browser.post("/delete?key=/shop/leased", revision:, note: "over").status).to eq 303
  end

  it "each declared field has the widget that it asks for" do
    pages = %w[limit fast currency wait tiers].to_h do |name|
      [name, browser.get("/key?key=/shop/checkout/#{name}").body]
    end
    expect(pages["limit"]).to match(/<input type="number" step="1" value="" required min="1" max="10000" id=/)
    expect(pages["fast"]).to include('<option value="true">', '<option value="false">')
    expect(pages["currency"]).to include('<option value="EUR">', '<option value="CNY">')
    expect(pages["wait"]).to match(/<input type="text"[^>]*id="value"/)
    expect(pages["tiers"]).to include("<textarea")
  end

  it "bytes that a form cannot hold are edited in Base64 and come back as they were" do
    bytes = "\x00\xff\r\n\e[0m".b
    revision = write("/shop/bytes", bytes)
    expect(browser.get("/key?key=/shop/bytes").body).to include([bytes].pack("m").strip, "Base64")
    other = "\x01\xfe\r".b
    expect(put([other].pack("m"), key: "/shop/bytes", revision:, encoding: "base64").status).to eq 303
    expect(etcd.ctl.get("/shop/bytes")).to eq other
    expect(put("§§", key: "/shop/bytes", revision: revision + 1, encoding: "base64").status).to eq 422
  end

  it "a text with line breaks and marks that cannot be seen comes back as it was" do
    text = "\n\nfirst\n👨\u200d👩\u200d👧 \u202eend\n"
    revision = write("/shop/text", text)
    edited = CGI.unescapeHTML(browser.get("/key?key=/shop/text").body[%r{<textarea[^>]*>\n(.*?)</textarea>}m,
                                                                      1])
    expect(edited).to eq text
    put(edited.gsub("\n", "\r\n"), key: "/shop/text", revision:)
    expect(etcd.ctl.get("/shop/text").force_encoding("UTF-8")).to eq text
  end

  it "a form that cannot be read is refused, and nothing is written" do
    now = shown
    expect(put("1", revision: "x").status).to eq 400
    expect(browser.post("/put", value: "1", revision: now, note: "n").status).to eq 400
    expect(browser.post("/put?key=/shop/limit", revision: now, note: "n").status).to eq 400
    expect(browser.post("/put?key=/shop/limit", value: "1", note: "n").status).to eq 400
    expect(browser.post("/put", value: "1", revision: now, note: "n",
                                headers: { "QUERY_STRING" => "key=%ff%zz" }).status).to eq 400
    expect(etcd.ctl.current_revision).to eq now
  end

  it "bytes that are no text, and a query that cannot be read, are refused with 400" do
    now = shown
    sent = [["\xff", {}], ["1", { note: "\xff" }], ["\xff", { encoding: "base64" }],
            ["\xff", { key: "/shop/checkout/limit", revision: 0 }]]
    expect(sent.map { |value, more| put(value, **more).status }).to eq [400] * 4
    paths = %w[/key?key=% /stream/key?key=% /stream/keys?prefix=%zz /?a=%].map do |path|
      path, query = path.split("?")
      browser.get(path, QUERY_STRING: query).status
    end
    expect([paths, etcd.ctl.current_revision]).to eq [[400] * 4, now]
  end

  it "acts in the name that authorize gives, whatever its encoding" do
    { "J\xF6rg".b => "J\uFFFDrg", "J\u00f6rg".b => "J\u00f6rg", "J\u00f6rg".encode("UTF-16LE") => "J\u00f6rg",
      "J\u00f6rg".encode("ISO-8859-1") => "J\u00f6rg", :ann => "ann" }.each do |given, name|
      web = EtcdDiscovery::Web.new(client: reader, write: true, authorize: ->(_env) { given })
      expect(Harness::PageRequests.new(web).get("/keys").body.dup.force_encoding("UTF-8")).to include(name)
    end
  end

  it "the change log cannot be written" do
    shown
    key = etcd.ctl.read_prefix("/shop/changes/").keys.first
    answer = put("forged", key:, revision: etcd.ctl.mod_revision_of(key))
    expect([answer.status, etcd.ctl.get(key).include?("forged")]).to eq [422, false]
  end

  it "without a change log, who wrote what and why is in the log, and no value" do
    log = StringIO.new
    logged = client(etcd, "/shop/", logger: Logger.new(log)).start
    browser = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: logged, write: true, authorize:))
    browser.post("/put?key=/shop/unlogged", value: "the value", revision: 0, note: "a\nnote")
    expect(log.string).to match(%r{ann wrote /shop/unlogged on the web page at revision \d+: a\\nnote})
    expect(log.string).not_to include("the value")
  end

  it "a refused write is in the log, with who and why" do
    log = StringIO.new
    logged = client(etcd, "/shop/", logger: Logger.new(log)).start
    browser = Harness::PageRequests.new(EtcdDiscovery::Web.new(client: logged, write: true, authorize:))
    browser.post("/put?key=/shop/limit", value: "666", revision: 0, note: "n", origin: "https://evil.example")
    expect(log.string).to include("refused a write by ann: foreign_origin", "https://evil.example")
  end
end
