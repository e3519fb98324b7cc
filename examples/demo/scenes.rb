# frozen_string_literal: true

require_relative "../../spec/support/etcd_server"
require_relative "../../spec/support/unicorn_server"
require_relative "stopwatch"

# The scenes of the demo. Each checks what it shows; the first thing that is not true raises Untrue.
class Demo
  include Harness::WaitUntil

  class Untrue < StandardError; end

  KEY = "/service/b"
  WORKERS = 4
  # The gem calls its copy stale when etcd has not confirmed it for this long.
  STALE_AFTER = 10

  def initialize(screen)
    @screen = screen
  end

  def run
    start
    every_worker_answers("10.1.1.60:8081")
    every_worker_follows("10.1.1.60:8081", "10.1.1.61:8081")
    workers_outlive_etcd("10.1.1.61:8081")
    workers_follow_again("10.1.1.61:8081", "10.1.1.62:8081")
    a_successor_answers_at_once("10.1.1.61:8081", "10.1.1.62:8081")
    @screen.say "All of it was true."
  end

  # What to try while it is left running.
  def commands
    sockets = @unicorn.worker_pids.map { |pid| "curl --unix-socket #{@unicorn.socket(pid)} http://worker/" }
    ["curl #{@unicorn.url}/", "curl #{@unicorn.url}/status", *sockets,
     "ETCDCTL_API=3 etcdctl --endpoints=#{@etcd.endpoint} put #{KEY} anything"]
  end

  private

  def start
    @etcd = Harness::EtcdServer.new
    @screen.step("starting etcd") { @etcd.start }
    @etcd.ctl.put(KEY, "10.1.1.60:8081")
    @unicorn = Harness::UnicornServer.new(endpoints: @etcd.endpoint, workers: WORKERS)
    @screen.step("starting Rails on unicorn with #{WORKERS} workers") { @unicorn.start }
  end

  # On the port that the workers share, where the kernel picks who answers.
  def every_worker_answers(value)
    answers = {}
    @screen.step("asking #{@unicorn.url} until each worker has answered") do
      wait_until("an answer from each worker") do
        answers.store(*@unicorn.get.values_at("pid", "value"))
        answers.size == WORKERS
      end
    end
    check("all workers serve #{value}", answers) { answers.values.uniq == [value] }
  end

  def every_worker_follows(before, after)
    @screen.say "", "A provider changes the key: etcdctl put #{KEY} #{after}", ""
    show_change(before, after)
  end

  def workers_outlive_etcd(value)
    @screen.say "", "etcd goes away.", ""
    @screen.step("stopping etcd") { @etcd.stop }
    answer_with(value)
    @screen.step("waiting until /status says stale (after #{STALE_AFTER} s without etcd)") do
      wait_until("every worker to call its copy stale") { statuses.values.all? { |status| status["stale"] } }
    end
    answer_with(value)
    check("etcd is away", @etcd.alive?) { !@etcd.alive? }
    @screen.say "Without etcd all workers answer #{value}, and /status says stale."
  end

  def workers_follow_again(before, after)
    @screen.say "", "etcd comes back, and the key changes: etcdctl put #{KEY} #{after}", ""
    @screen.step("starting etcd with its data") { @etcd.start }
    show_change(before, after)
    @screen.step("waiting until /status says fresh") do
      wait_until("no worker to call its copy stale") { statuses.values.none? { |status| status["stale"] } }
    end
  end

  # The first answer comes from the master's copy at the fork. That may be the old value if the master is
  # still reconnecting to etcd; the successor's own watch brings the newest.
  def a_successor_answers_at_once(before, after)
    known = @unicorn.worker_pids
    @screen.say "", "Worker #{known.first} is killed: kill -9 #{known.first}", ""
    @unicorn.signal(:KILL, known.first)
    first, at_once = timed { first_answer(known) }
    check("the successor's first answer is etcd's", first) { [before, after].include?(first["value"]) }
    _, later = timed { wait_until("the newest value") { @unicorn.ask(first["pid"])["value"] == after } }
    @screen.say "Its successor #{first['pid']} gave #{first['value']} in its first answer, #{at_once} ms " \
                "after the kill, and #{after} #{later} ms later."
  end

  def timed(began = Harness.now) = [yield, ((Harness.now - began) * 1000).round]

  # The very first answer of whichever worker is new: asked on its own socket from the moment it has one.
  def first_answer(known)
    wait_until("a successor", every: 0.002) do
      pid = (@unicorn.worker_pids - known).first
      pid && File.socket?(@unicorn.socket(pid)) && @unicorn.ask(pid)
    end
  end

  def show_change(before, after)
    watch = Stopwatch.new(@unicorn, @unicorn.worker_pids)
    took = watch.measure(after) { @etcd.ctl.put(KEY, after) }
    check("#{WORKERS} workers served #{before}, then #{after}", watch.seen) do
      watch.seen.values == [[before, after]] * WORKERS
    end
    @screen.table(%w[worker before after ms],
                  watch.seen.map { |pid, values| [pid, *values, watch.milliseconds(pid)] })
    @screen.say "  ms from the start of etcdctl (itself #{took} ms) until that worker served the value"
  end

  def answer_with(value)
    answers = @unicorn.ask_all.transform_values { |answer| answer["value"] }
    check("#{WORKERS} workers answer #{value}", answers) { answers.values == [value] * WORKERS }
  end

  def statuses = @unicorn.ask_all("/status")

  def check(claim, seen)
    raise Untrue, "It is not true that #{claim}: #{seen.inspect}" unless yield
  end
end
