# frozen_string_literal: true

require "rack"

RSpec.describe "the stream of the page" do
  attr_reader :etcd, :reader

  before(:context) do
    @etcd = start_etcd
    @reader = client(etcd, "/shop/").start
  end

  let(:web) { EtcdDiscovery::Web.new(client: reader, authorize: ->(_env) { "ann" }) }

  def write(key, value) = reader.wait_for_revision(reader.put(key, value), timeout: 20)

  def body(path, concurrent:, last: nil)
    env = Rack::MockRequest.env_for(path, { "HTTP_LAST_EVENT_ID" => last }.compact)
    web.call(env.merge("rack.multithread" => concurrent))[2]
  end

  # `{ part => HTML }` of an event.
  def parts(text) = JSON.parse(text[/^data: (.*)$/, 1])

  def id(text) = text[/^id: (.+)$/, 1]

  it "of a server with one request at a time gives one answer and ends, and says when to ask again" do
    write("/shop/limit", "value 1")
    answer = body("/stream/keys?prefix=/shop/", concurrent: false).to_enum(:each).to_a
    expect(answer.first).to eq "retry: 1000\n\n"
    expect(parts(answer.last)["list"]).to include("/key?key=/shop/limit", ">value 1<")
    again = body("/stream/keys?prefix=/shop/", concurrent: false, last: id(answer.last)).to_enum(:each).to_a
    expect(again.drop(1)).to eq [": \n\n"]
    write("/shop/limit", "value 2")
    changed = body("/stream/keys?prefix=/shop/", concurrent: false, last: id(answer.last)).to_enum(:each).to_a
    expect(parts(changed.last)["list"]).to include(">value 2<")
  end

  it "a revision that changes nothing on the page costs the browser an id, and no HTML" do
    write("/shop/limit", "value 6")
    path = "/stream/keys?prefix=/shop/sub/"
    first = body(path, concurrent: false).to_enum(:each).to_a.last
    write("/shop/limit", "value 7")
    second = body(path, concurrent: false, last: id(first)).to_enum(:each).to_a.last
    expect(second).to match(/\Aid: r\d+\.\h+\n\n\z/)
    expect(id(second)).not_to eq id(first)
    third = body(path, concurrent: false, last: id(second)).to_enum(:each).to_a.last
    expect(third).to eq ": \n\n"
  end

  it "a list with leases is sent again as they run, also where nothing changes" do
    lease = reader.native_grant("test", 100)
    revision = reader.native_commit("test", nil, [], [["/shop/leases/one", "v", lease]])
    reader.wait_for_revision(revision, timeout: 20)
    path = "/stream/keys?prefix=/shop/leases/"
    ask = ->(last) { body(path, concurrent: false, last:).to_enum(:each).to_a.last }
    first = ask.call(nil)
    expect(id(first)).to match(/\Ar\d+t\d+\./)
    before = parts(first)["list"][/1 min \d+ s/]
    last = id(first)
    expect_soon("less time") do
      text = ask.call(last)
      last = id(text) || last
      text.include?("data: ") && parts(text)["list"][/1 min \d+ s/] < before
    end
  end

  it "of a server with threads stays open, sends what changes, and ends when the browser is gone" do
    write("/shop/limit", "value 3")
    stream = body("/stream/keys?prefix=/shop/", concurrent: true)
    got = Queue.new
    reading = Thread.new do
      stream.each do |text|
        raise Errno::EPIPE if text.include?(">value 5<")

        got << text
      end
    rescue Errno::EPIPE
      :gone
    end
    expect_soon("the first state") do
      got.size >= 2 && got.pop(true).then do
        got.pop(true)
      end.include?(">value 3<")
    end
    write("/shop/limit", "value 4")
    expect_soon("the change") { !got.empty? && got.pop.include?(">value 4<") }
    write("/shop/limit", "value 5")
    expect(reading.value).to eq :gone
  end

  it "a process keeps few streams open, so that requests still find a thread; the others ask again" do
    streams = Array.new(3) { body("/stream/keys?prefix=/shop/", concurrent: true) }
    expect(streams.last.to_enum(:each).to_a.size).to eq 2
    streams.each(&:close)
    streams.each(&:close) # also twice
    free = Array.new(2) { body("/stream/keys?prefix=/shop/", concurrent: true) }
    over = body("/stream/keys?prefix=/shop/", concurrent: true)
    expect(over.to_enum(:each).to_a.size).to eq 2
    free.each(&:close)
  end

  it "a worker other than the one that the page shows sends only its row of the table" do
    other = Process.spawn("sleep 60")
    expect(parts(body("/stream/overview?pid=#{other}",
                      concurrent: true).to_enum(:each).to_a.last).keys).to eq %w[processes pid]
    Process.kill(:KILL, other)
    Process.wait(other)
    expect(parts(body("/stream/overview?pid=#{other}",
                      concurrent: false).to_enum(:each).to_a.last).keys).to include("health", "charts")
  end

  it "a worker that answers for another one tells its pid each time, so that the browser can adopt it" do
    etcd = start_etcd
    fleet = client(etcd, "/shop/", fleet: "/shop/fleet/").start
    web = EtcdDiscovery::Web.new(client: fleet, authorize: ->(_env) { "ann" })
    other = Process.spawn("sleep 60")
    ask = lambda do |last|
      headers = { "HTTP_LAST_EVENT_ID" => last }.compact
      env = Rack::MockRequest.env_for("/stream/overview?pid=#{other}", headers)
      web.call(env.merge("rack.multithread" => true))[2].to_enum(:each).to_a.last
    end
    first = ask.call(nil)
    second = ask.call(id(first))
    expect(id(second)).to eq id(first) # the roll call is the same
    expect(parts(second)["pid"]).to eq Process.pid.to_s
  ensure
    Process.kill(:KILL, other)
    Process.wait(other)
  end

  it "links to where the page is mounted, also after Rack has left the mount" do
    mounted = Rack::URLMap.new("/ops/etcd" => web)
    env = Rack::MockRequest.env_for("/ops/etcd/stream/keys").merge("rack.multithread" => false)
    stream = mounted.call(env)[2]
    links = parts(stream.to_enum(:each).to_a.last)["list"].scan(/href="([^"]*)"/).flatten
    expect(links).to include("/ops/etcd/keys?prefix=/shop/").and all(start_with("/ops/etcd/"))
  end

  it "is not held back by Rack::ETag, which would read it to its end" do
    app = Rack::ETag.new(web)
    env = Rack::MockRequest.env_for("/stream/keys?prefix=/shop/").merge("rack.multithread" => true)
    _, headers, stream = app.call(env)
    expect(headers.keys.map(&:downcase)).not_to include("etag")
    stream.close
  end

  it "says when a page cannot be shown any more" do
    answer = body("/stream/key?key=/elsewhere", concurrent: false).to_enum(:each).to_a
    expect(answer.last).to start_with("event: trouble\ndata: ")
  end
end
