# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"
require_relative "child_process"
require_relative "cleanup"
require_relative "log_tail"
require_relative "process_table"

module Harness
  # A piece of Ruby in a fresh process with the gem loaded. It talks with the spec over two pipes:
  #
  #     process = RubyProcess.new(<<~'RUBY', endpoints: [etcd.endpoint])
  #       connect "/service/"               # configure and start
  #       report EtcdDiscovery["/service/b"]
  #       hear                              # waits for `process.tell`
  #     RUBY
  #     process.heard                       # => "10.1.1.60:8081"
  #
  # What it can call besides the gem is in ruby_process/prelude.rb.
  class RubyProcess
    class Failed < StandardError; end

    LIB = File.expand_path("../../lib", __dir__)
    PRELUDE = File.expand_path("ruby_process/prelude.rb", __dir__)

    attr_reader :log

    # Runs a program with its own network and mounts, which need no rights on the machine.
    OWN_NETWORK = %w[unshare --map-root-user --net --mount].freeze

    # Why this machine or container does not allow that to this user; `nil` if it does.
    def self.own_network_missing
      said, status = Open3.capture2e(*OWN_NETWORK, "sh", "-c", "ip link set lo up && mount --bind /tmp /tmp")
      "a network of its own is not possible here: #{said.strip}" unless status.success?
    rescue Errno::ENOENT => e
      "a network of its own takes unshare (package util-linux): #{e.message}"
    end

    # `first` names a file of ruby_process/ to load before the gem; `under` is a command that runs Ruby; `lib`
    # is a folder with another build of the gem.
    def initialize(code, endpoints: [], env: {}, first: nil, under: [], lib: LIB)
      @folder = Dir.mktmpdir("ruby-process-")
      @log = File.join(@folder, "log")
      @reports, reports = IO.pipe
      words, @words = IO.pipe
      environment = { "ENDPOINTS" => Array(endpoints).join(","), "TMPDIR" => temporary_folder }.merge(env)
      @process = ChildProcess.new(*under, RbConfig.ruby, "-I", lib, *required(first), script(code),
                                  env: environment, log:, 3 => reports, 4 => words)
      [reports, words].each(&:close)
      @buffer = +""
      Cleanup.add(self)
    end

    def pid = @process.pid

    # The next thing that the process reported.
    def heard(timeout: WaitUntil::LIMIT)
      deadline = Harness.now + timeout
      read_more(deadline) until @buffer.include?("\n")
      answer = JSON.parse(@buffer.slice!(/\A.*\n/), symbolize_names: true)
      raise Failed, "#{answer[:failure]}\n#{tail}" if answer.is_a?(Hash) && answer.key?(:failure)

      answer
    end

    def tell(word = "go on") = @words.puts(word)

    def signal(name) = @process.signal(name)

    # Its exit status, once it has ended by itself.
    def finish(timeout: WaitUntil::LIMIT) = @process.wait(timeout:)

    def alive? = @process.alive?

    def close
      @process.stop(:KILL)
      [@reports, @words].each(&:close)
      FileUtils.rm_rf(@folder)
    end

    def report = "#{self.class} (pid #{pid}):\n#{tail}"

    def tail = LogTail.of(log)

    private

    def required(first)
      files = [first && File.join(File.dirname(PRELUDE), first), PRELUDE]
      files.compact.flat_map { |file| ["-r", file] }
    end

    # Files that the process leaves there are deleted with it: it is killed in the end, and runs no at_exit.
    def temporary_folder = File.join(@folder, "tmp").tap { |path| Dir.mkdir(path) }

    def script(code) = File.join(@folder, "snippet.rb").tap { |path| File.write(path, code) }

    # Tells a deadlock from a process that gets no processor time.
    def threads = ProcessTable.thread_states(pid).join("\n")

    def read_more(deadline)
      left = deadline - Harness.now
      silent = !left.positive? || !@reports.wait_readable(left)
      raise Failed, "the process reported nothing\n#{threads}\n#{tail}" if silent

      @buffer << @reports.readpartial(65_536)
    rescue EOFError
      raise Failed, "the process ended without a report: #{finish}\n#{tail}"
    end
  end
end
