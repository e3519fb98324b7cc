# frozen_string_literal: true

RSpec.describe "a Rails application on unicorn that announces itself", gems: %w[unicorn nokogiri] do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "first") } }
  let(:unicorn) { start_unicorn(etcd, workers: 2, config: File.expand_path("registering.rb", __dir__)) }

  def key = "/service/b/one"

  # Sends requests one after another in this many threads, until the block is over and the pids that it
  # returned have all answered. Returns the answers: pids, and errors by their class.
  def under_load(threads)
    over = false
    answers = []
    askers = Array.new(threads) { Thread.new { answers << answer until over } }
    awaited = yield
    expect_soon("answers of #{awaited}") { (awaited - answers.uniq).empty? }
    over = true
    askers.each(&:join)
    answers
  ensure
    over = true
  end

  def answer
    unicorn.get["pid"]
  rescue StandardError => e
    e.class
  end

  def hand_over
    old = unicorn.master_pid
    unicorn.signal(:USR2)
    await_successor(old)
    unicorn.signal(:QUIT, old)
    wait_until("the end of the old master", timeout: 60) { !unicorn.master_pids.include?(old) }
  end

  def await_successor(old)
    wait_until("a second master") { (unicorn.master_pids - [old]).any? }
    # The new master first has to boot Rails, under load.
    @watch.await(key, timeout: Harness::AppServer::BOOT_LIMIT) do |event|
      event.type == :put && event.lease != @lease
    end
    unicorn.await_workers(2, without: unicorn.worker_pids(old))
  end

  before do
    @watch = watch_keys(etcd)
    unicorn
    @lease = @watch.await(key) { |event| event.type == :put }.lease
  end

  it "is in etcd at every moment of USR2 and QUIT under load, and no request fails" do
    workers = unicorn.worker_pids
    before = under_load(4) { workers }
    answers = under_load(4) { hand_over && unicorn.worker_pids }
    expect(before + answers).to all(be_an(Integer))
    expect(unicorn.worker_pids & workers).to be_empty

    @watch.catch_up(etcd.ctl)
    expect(@watch.events(key).map(&:type).uniq).to eq [:put]
    expect(etcd.ctl.lease_of(key)).not_to eq @lease
    expect_soon("no other lease") { etcd.ctl.leases.size == 1 }
  end

  it "is in etcd while workers come and go, and gone when the master has ended" do
    victim = unicorn.worker_pids.first
    unicorn.signal(:KILL, victim)
    unicorn.await_workers(2, without: [victim])
    workers = unicorn.worker_pids
    unicorn.signal(:HUP)
    unicorn.await_workers(2, without: workers)
    @watch.catch_up(etcd.ctl)
    expect(@watch.events(key).map(&:type)).to eq [:put]

    unicorn.signal(:QUIT)
    expect(@watch.await(key) { |event| event.type == :delete }).not_to be_nil
  end
end
