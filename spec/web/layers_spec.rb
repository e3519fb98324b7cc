# frozen_string_literal: true

RSpec.describe "the page and layers" do
  let(:etcd) { start_etcd }
  let(:layers) { %w[/shop/overrides/ /shop/production/ /shop/shared/] }
  let(:reader) { client(etcd, layers:, change_log: "/changes/").start }
  let(:web) { EtcdDiscovery::Web.new(client: reader, write: true, authorize: ->(_env) { "ann" }) }
  let(:browser) { Harness::PageRequests.new(web) }

  before do
    write("/shop/production/checkout/limit", "50")
    write("/shop/shared/checkout/limit", "100")
    write("/shop/shared/checkout/currency", "EUR")
  end

  def write(key, value) = reader.wait_for_revision(etcd.ctl.put(key, value), timeout: 20)
  def page = browser.get("/key?#{limit}").body
  def there(revision) = reader.wait_for_revision(revision, timeout: 20)

  # The texts of the cells of each row whose id begins so.
  def rows(body, id)
    body.scan(%r{<tr id="#{id}.*?</tr>}m).map do |row|
      row.scan(%r{<td[^>]*>(.*?)</td>}m).map { |(cell)| cell.gsub(/<[^>]*>/, "") }
    end
  end

  # What the table of layers says: layer, value, and state.
  def listed = rows(page, "l-").map { |row| row.first(3) }

  def limit = "key=/shop/production/checkout/limit"

  def override(value = "10", revision: 0, seconds: 600, note: "slow", **options)
    browser.post("/override?#{limit}", value:, revision:, seconds:, note:, **options)
  end

  it "a key says what each layer has, and which one is in force" do
    expect(listed).to eq [["/shop/overrides/", "no such key", ""], ["/shop/production/", "50", "in force"],
                          ["/shop/shared/", "100", "covered"]]
  end

  it "the values in force are listed by name, each with its layer" do
    body = browser.get("/keys?view=names&prefix=checkout/").body
    expect(rows(body, "k-").map { |row| row.first(3) }).to eq [["currency", "EUR", "/shop/shared/"],
                                                               ["limit", "50", "/shop/production/"]]
    expect(body).to include("/key?key=/shop/production/checkout/limit", "view=names")
    expect(browser.get("/keys?view=names").body).to include("view=names&amp;prefix=checkout/", "2 keys")
    found = browser.get("/keys?view=names&q=limit").body
    expect([found.include?("checkout/limit"), found.include?("currency")]).to eq [true, false]
  end

  it "overrides a name for a time, says how long, and ends it early" do
    answer = override
    expect(answer.status).to eq 303
    there(etcd.ctl.current_revision)
    expect(reader["checkout/limit"]).to eq "10"
    expect(etcd.ctl.lease_of("/shop/overrides/checkout/limit")).not_to eq 0
    expect(listed.first).to match ["/shop/overrides/", "10", /in force for another (?:9|10) min/]
    expect(reader.history("/shop/overrides/checkout/limit").first).to have_attributes(by: "ann", note: "slow")
    revision = reader.snapshot.mod_revision("/shop/overrides/checkout/limit")
    expect(browser.post("/release?#{limit}", revision:, note: "over").status).to eq 303
    there(etcd.ctl.current_revision)
    expect(reader["checkout/limit"]).to eq "50"
  end

  it "saving the key of an override is refused: it would stay for good" do
    override
    there(etcd.ctl.current_revision)
    key = "/shop/overrides/checkout/limit"
    revision = reader.snapshot.mod_revision(key)
    answer = browser.post("/put?key=#{key}", value: "9", revision:, note: "n")
    expect([answer.status, answer.body.include?("ends by itself")]).to eq [422, true]
    expect([etcd.ctl.get(key), etcd.ctl.lease_of(key)]).to match ["10", be_positive]
    again = browser.post("/override?key=#{key}", value: "9", revision:, seconds: 600, note: "n")
    expect([again.status, etcd.ctl.get(key), etcd.ctl.lease_of(key)]).to match [303, "9", be_positive]
  end

  it "an override needs a note, a time, a token and the first layer as it was shown" do
    expect(override(note: " ").status).to eq 422
    expect(override(seconds: 0).status).to eq 400
    expect(override(seconds: 9_000_000_001).status).to eq 400
    expect(override("\xff").status).to eq 400
    expect(override(token: nil).status).to eq 403
    write("/shop/overrides/checkout/limit", "7")
    expect(override.status).to eq 409
    now = etcd.ctl.mod_revision_of("/shop/overrides/checkout/limit")
    expect(override(revision: now).status).to eq 422 # a value without a lease is no override
    expect(etcd.ctl.get("/shop/overrides/checkout/limit")).to eq "7"
    elsewhere = browser.post("/override?key=/elsewhere", value: "1", revision: 0, seconds: 1, note: "n")
    expect(elsewhere.status).to eq 404
  end

  it "an override that comes between the page and its form is not replaced: both values are shown" do
    others = client(etcd, layers:)
    revision = others.override("checkout/limit", "7", for: 500)
    answer = override("9", revision: 0, seconds: 77)
    expect([answer.status, etcd.ctl.get("/shop/overrides/checkout/limit")]).to eq [409, "7"]
    expect(answer.body).to include("Someone else changed this key first", ">9</pre>", ">7</pre>", "slow",
                                   %(name="revision" value="#{revision}"), "/override?#{limit}", 'value="77"')
    expect(override("9", revision:).status).to eq 303
    ended = browser.post("/release?#{limit}", revision:, note: "over")
    expect([ended.status, etcd.ctl.get("/shop/overrides/checkout/limit")]).to eq [409, "9"]
    expect(ended.body).to include("You wanted to end the override", ">9</pre>", "/release?#{limit}")
    now = etcd.ctl.mod_revision_of("/shop/overrides/checkout/limit")
    etcd.ctl.delete("/shop/overrides/checkout/limit")
    gone = browser.post("/release?#{limit}", revision: now, note: "over")
    expect([gone.status, gone.body.include?("nothing to do")]).to eq [409, true]
  end

  it "an override that comes while the form is being written is not replaced either" do
    others = client(etcd, layers:)
    allow(reader).to receive(:native_grant).and_wrap_original do |grant, *arguments|
      others.override("checkout/limit", "7", for: 500)
      grant.call(*arguments)
    end
    answer = override("9")
    expect([answer.status, etcd.ctl.get("/shop/overrides/checkout/limit")]).to eq [409, "7"]
    expect(answer.body).to include(">9</pre>", ">7</pre>")
    expect(etcd.ctl.leases.size).to eq 1
  end

  # What each form on a page holds, by its address: value, seconds and note.
  def typed_in(body)
    body.scan(%r{<form action="(/\w+)\?(.*?)</form>}m).to_h.transform_values do |form|
      [form[%r{<textarea[^>]*>\n(.*?)</textarea>}m, 1], form[/id="seconds".*?value="(\d+)"/, 1],
       form[/name="note".*?value="([^"]*)"/, 1]]
    end
  end

  it "a refused form is shown again with what was typed into it, and the other forms as they were" do
    revision = reader.override("checkout/limit", "7", for: 500)
    there(revision)
    answer = override("9 of 10", revision:, seconds: 77, note: " ")
    expect([answer.status, typed_in(answer.body)])
      .to eq [422, { "/put" => ["50", nil, nil], "/override" => ["9 of 10", "77", " "],
                     "/release" => [nil, nil, nil], "/delete" => [nil, nil, nil] }]
    expect(answer.body).to match(/<details class="more override" open/)
    saved = browser.post("/put?#{limit}", value: "60", revision: 1, note: " ")
    expect(typed_in(saved.body)).to include("/put" => ["60", nil, " "], "/override" => ["7", "600", nil])
    ended = browser.post("/release?#{limit}", revision:, note: "\u3000")
    expect(typed_in(ended.body)).to include("/put" => ["50", nil, nil], "/override" => ["7", "600", nil],
                                            "/release" => [nil, nil, "\u3000"])
  end

  it "after a conflict the form has the override as it was typed, whatever it holds" do
    reader.override("checkout/limit", "7", for: 500)
    ["a\u0001b", "x" * (200 * 1024)].each do |value|
      answer = override(value, revision: 0, seconds: 77)
      expect([answer.status, typed_in(answer.body)["/override"]]).to eq [409, [value, "77", "slow"]]
    end
    bytes = ["\xff\x00".b].pack("m0")
    answer = override(bytes, revision: 0, encoding: "base64")
    expect([answer.body, typed_in(answer.body)["/override"].first])
      .to match [include('name="encoding" value="base64"'), bytes]
  end

  it "an override that etcd refuses, or does not receive, is not lost: its form has what was typed" do
    write("/shop/overrides/checkout/limit", "7")
    now = etcd.ctl.mod_revision_of("/shop/overrides/checkout/limit")
    answer = override("9", revision: now, seconds: 77)
    expect([answer.status, typed_in(answer.body)["/override"]]).to eq [422, %w[9 77 slow]]
    expect(answer.body).to include('role="alert"', "value without a lease")
    etcd.kill9
    answer = override("9", revision: now, seconds: 77)
    expect([answer.status, typed_in(answer.body)["/override"]]).to eq [503, %w[9 77 slow]]
    expect(answer.body).to include('role="alert"', "etcd cannot be reached")
  end

  it "a conflict about an override hides what the mask hides" do
    etcd.ctl.put("/shop/overrides/checkout/limit", "postgres://u:hunter2@db/")
    answer = override("9")
    expect([answer.status, answer.body.include?("hunter2")]).to match [eq(403).or(eq(409)), false]
  end

  it "a name with a secret in any layer is not overridden" do
    write("/shop/shared/db/password", "hunter2")
    path = "key=/shop/shared/db/password"
    expect(browser.get("/key?#{path}").body).not_to match(/hunter2|Override temporarily/)
    expect(browser.post("/override?#{path}", value: "1", revision: 0, seconds: 9, note: "n").status).to eq 403
    expect(etcd.ctl.get("/shop/overrides/db/password")).to be_nil
  end

  # Each hidden by its whole key alone.
  { "/shop/secrets/" => [], "/shop/partners/" => [%r{\A/shop/partners/}] }.each do |layer, mask|
    %w[/key?key=folder/acme /stream/key?key=folder/acme /keys?prefix=folder/ /stream/keys?prefix=folder/
       /keys?view=names&q=acme /rollback?key=folder/acme&to=%d].each do |path|
      it "a name does not show what the mask hides by the key in #{layer}: #{path}" do
        hiding = client(etcd, layers: ["/shop/overrides/", layer]).start
        etcd.ctl.put("#{layer}folder/acme", "hunter2-old")
        revision = etcd.ctl.put("#{layer}folder/acme", "hunter2")
        hiding.wait_for_revision(revision, timeout: 20)
        web = EtcdDiscovery::Web.new(client: hiding, write: true, mask:, authorize: ->(_env) { "ann" })
        answer = Harness::PageRequests.new(web).get(path.sub("%d", (revision - 1).to_s))
        expect([answer.status, answer.body.include?("hunter2")]).to eq [200, false]
        expect(answer.body).to match(/hidden/i)
      end
    end
  end

  it "a name leads to the key that is in force, and is not written" do
    expect(browser.get("/key?key=checkout/limit").body).to include("/put?key=/shop/production/checkout/limit",
                                                                   ">50<")
    expect(browser.get("/key?key=nowhere").body).to include("/put?key=/shop/overrides/nowhere")
    revision = reader.snapshot.mod_revision("/shop/production/checkout/limit")
    %w[/put /delete /override /release].each do |path|
      answer = browser.post("#{path}?key=checkout/limit", value: "1", revision:, seconds: 9, note: "n")
      expect(answer.status).to eq(400), path
    end
    expect(etcd.ctl.current_revision).to eq reader.snapshot.revision
  end

  it "a key with an empty folder right below a layer has a page, and no name" do
    write("/shop/shared//x", "1")
    expect(browser.get("/key?key=/shop/shared//x").body).to include(">1<")
    expect(browser.get("/keys?view=names").status).to eq 200
  end

  it "a declared setting of a name has its type and rules in every layer" do
    reader = self.reader
    stub_const("LayeredSettings", Class.new(EtcdDiscovery::Settings) do
      define_singleton_method(:client) { reader }
      prefix "checkout/"
      field :limit, type: :integer, default: 100, in: 1..1000, description: "orders per minute"
    end)
    expect(page).to include("orders per minute", 'type="number"')
    expect(override("2000").status).to eq 422
    expect(override("many").status).to eq 422
    expect(override(["2000"].pack("m0"), encoding: "base64").status).to eq 422
    expect(override("20").status).to eq 303
  end
end
