# frozen_string_literal: true

# The example application: Rails, with `preload_app` and the hook.
RSpec.describe "a Rails application on unicorn", gems: %w[unicorn nokogiri] do
  let(:etcd) { start_etcd.tap { |server| server.ctl.put("/service/b", "first") } }
  let!(:unicorn) { start_unicorn(etcd) }

  def values = unicorn.ask_all.transform_values { |answer| answer["value"] }

  def expect_all_to_serve(value)
    wait_until("#{value} from every worker, not #{values}") { values.values.uniq == [value] }
  end

  # A change reaches every current worker.
  def expect_all_to_follow(value)
    etcd.ctl.put("/service/b", value)
    expect_all_to_serve(value)
  end

  it "4 workers, one change: all follow" do
    expect(values.values).to eq ["first"] * 4
    expect_all_to_follow("second")
    expect(values.size).to eq 4
  end

  it "etcd is killed and started again with its data: workers keep answering, and follow again" do
    etcd.kill9
    expect(values.values).to eq ["first"] * 4
    wait_until("workers that call their copy stale", timeout: 60) do
      unicorn.ask_all("/status").values.all? { |status| status["stale"] }
    end
    expect(values.values).to eq ["first"] * 4

    etcd.start
    expect_all_to_follow("second")
  end

  it "HUP: the workers are replaced, their successors answer and follow" do
    before = unicorn.worker_pids
    unicorn.signal(:HUP)
    unicorn.await_workers(4, without: before)
    expect_all_to_serve("first")
    expect_all_to_follow("second")
  end

  it "TTIN and TTOU: one worker more, one less, and all current workers follow" do
    before = unicorn.worker_pids
    unicorn.signal(:TTIN)
    expect(unicorn.await_workers(5)).to include(*before)
    expect_all_to_follow("second")
    unicorn.signal(:TTOU)
    unicorn.await_workers(4)
    expect_all_to_follow("third")
  end

  it "USR2 and QUIT: a new master takes over, and the old workers answer until they end" do
    master = unicorn.master_pid
    workers = unicorn.worker_pids
    unicorn.signal(:USR2)
    wait_until("a second master") { unicorn.master_pids.size == 2 && unicorn.master_pid != master }
    unicorn.await_workers(4, without: workers)
    expect_all_to_follow("second")
    wait_until("the old workers") { workers.all? { |pid| unicorn.ask(pid)["value"] == "second" } }

    unicorn.signal(:QUIT, master)
    wait_until("the end of the old master") { unicorn.master_pids == [unicorn.master_pid] }
    expect_all_to_follow("third")
    expect(unicorn.worker_pids & workers).to be_empty
  end

  it "a worker is killed: its successor's first answer is right" do
    expect_all_to_follow("second")
    before = unicorn.worker_pids
    unicorn.signal(:KILL, before.first)
    expect(first_answer_of_successor(before)).to eq "second"
    expect_all_to_follow("third")
  end

  # The first answer, even a wrong one. A visible socket may still be without a listener for a moment.
  def first_answer_of_successor(known)
    answer = wait_until("an answer of a successor") do
      successor = (unicorn.worker_pids - known).find { |pid| File.socket?(unicorn.socket(pid)) }
      unicorn.ask(successor) if successor
    rescue Errno::ECONNREFUSED
      nil
    end
    answer["value"]
  end
end
