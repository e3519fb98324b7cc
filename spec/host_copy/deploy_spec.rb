# frozen_string_literal: true

require_relative "host"

RSpec.describe "a deploy of unicorn by USR2 and QUIT with a host copy", gems: %w[unicorn] do
  include_context "with a host"

  # The settings of a deploy are in a file, as a new release brings its own.
  let(:release) { File.join(new_folder, "staleness").tap { |path| File.write(path, "2") } }
  let(:server) do
    config = <<~RUBY
      ENV["ETCDDISCOVERY_MAX_STALENESS"] = File.read("#{release}")
      preload_app true
      timeout 120
    RUBY
    start_server(Harness::UnicornServer, etcd, workers: 3, config:, application: Harness::AppServer::SMALL,
                                               env: { "ETCDDISCOVERY_HOST_COPY" => folder })
  end

  # What each process of both masters says. One that is being stopped may not answer.
  def answers
    pids = server.master_pids.flat_map { |master| [master, *server.worker_pids(master)] }
    pids.filter_map do |pid|
      server.ask(pid)
    rescue SystemCallError, Harness::Http::Failed
      nil
    end
  end

  # Runs `work` again and again in a thread, until the block is over.
  def meanwhile(work)
    over = false
    thread = Thread.new { work.call until over }
    thread.report_on_exception = false
    yield
  ensure
    over = true
    thread.join
  end

  # Puts rising numbers, and checks in every process all the time that it never reads a lower one.
  def never_back(&block)
    numbers = 1.step
    write = -> { etcd.ctl.put("/service/b", numbers.next.to_s) && sleep(0.01) }
    newest = Hash.new(0)
    meanwhile(write) { meanwhile(-> { expect_no_older(newest) }, &block) }
    expect(newest.size).to be > 6
  end

  def expect_no_older(newest)
    answers.each do |answer|
      pid = answer["pid"]
      value = answer["value"].to_i
      expect(value).to be >= newest[pid]
      newest[pid] = value
    end
  end

  # Yields the processes of the first master, while those of the second run too.
  def deploy
    former = [server.master_pid, *server.worker_pids]
    server.signal(:USR2)
    expect_soon("a second master", timeout: 60) { server.master_pids.size == 2 }
    server.await_workers(3, without: former)
    yield former
    Process.kill(:QUIT, former.first)
    expect_soon("the end of the first", timeout: 60) { server.master_pids.one? }
  end

  def shares?(answer)
    %w[leader follower].include?(answer["role"]) && answer["host_copy_error"].nil?
  end

  def expect_copies(count)
    expect_soon("#{count} copies", timeout: 60) do
      all = answers
      all.map { |answer| answer["leader_pid"] }.uniq.size == count && all.all? { |answer| shares?(answer) }
    end
    expect_soon("#{count} watches") { watches == count }
  end

  def expect_current(value)
    etcd.ctl.put("/service/b", value)
    expect_soon("#{value} everywhere", timeout: 60) do
      answers.map { |answer| answer["value"] }.uniq == [value]
    end
  end

  it "has one watch before, with both masters, and after, and no process reads an older value" do
    server
    expect_copies(1)
    never_back do
      deploy { expect_copies(1) }
      expect_copies(1)
    end
    expect_current("last")
  end

  it "has a copy of its own beside the old one's, if its settings differ, until the old one has ended" do
    server
    File.write(release, "3")
    expect_copies(1)
    never_back do
      deploy do |former|
        expect_copies(2)
        new = answers.reject { |answer| former.include?(answer["pid"]) }
        expect(former & new.map { |answer| answer["leader_pid"] }).to eq []
      end
      expect_copies(1)
    end
    expect_current("last")
  end
end
