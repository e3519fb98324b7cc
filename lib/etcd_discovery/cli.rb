# frozen_string_literal: true

require "json"
require "optparse"
require_relative "../etcd_discovery"
require_relative "cli/arguments"
require_relative "cli/command_table"
require_relative "cli/change_options"
require_relative "cli/changes"
require_relative "cli/commands"
require_relative "cli/completions"
require_relative "cli/connection"
require_relative "cli/doctor_report"
require_relative "cli/files"
require_relative "cli/fleet_output"
require_relative "cli/fleets"
require_relative "cli/layers"
require_relative "cli/login"
require_relative "cli/output"
require_relative "cli/sidecar"
require_relative "cli/status_report"
require_relative "cli/usage"

module EtcdDiscovery
  # The command `etcd_discovery`: reads, writes and registers from a shell, with settings from the
  # environment.
  #
  # @api private
  class CLI
    include Arguments
    include ChangeOptions
    include Changes
    include Commands
    include Connection
    include Files
    include Fleets
    include Layers
    include Login

    # The exit statuses. `register` returns the status of its command.
    EXITS = { ok: 0, failed: 1, usage: 2, absent: 3, unreachable: 4, refused: 5,
              conflict: 6, incomplete: 7, doubtful: 8, reverted: 9 }.freeze

    def initialize(arguments, out: $stdout, err: $stderr)
      @is_process = arguments.equal?(ARGV)
      @arguments = arguments.map { |text| ForeignText.exact(text) }
      @out = out
      @err = err
      @settings = {}
      @registration = {}
    end

    # @return [Integer] the exit status
    def run
      last = split_off_last
      parser.permute!(@arguments)
      # Words after `--` are the command that `register` runs. Elsewhere `--` only ends the options.
      @arguments.first == "register" ? @command = last : @arguments.concat(last)
      status = @help ? help : obey(@arguments.shift)
      @out.flush
      status
    rescue OptionParser::ParseError, WrongUsage, ArgumentError, Error => e
      complain(e)
      EXITS.fetch(kind_of(e))
    rescue Interrupt, Errno::EPIPE
      EXITS.fetch(:ok)
    rescue SystemCallError, IOError => e
      complain(e, "cannot write the output: #{e.message}")
      EXITS.fetch(:failed)
    end

    private

    def obey(name)
      raise WrongUsage, "no command given" if name.nil?
      raise WrongUsage, "unknown command: #{name}" unless COMMANDS.key?(name)

      check_count(method("run_#{name}"), name)
      check_change_options(name)
      check_await(name)
      @output = Output.new(@out, json: @json)
      EXITS.fetch(send("run_#{name}", *@arguments)) { |status| status }
    end

    def complain(error, message = error.message)
      message = wrong_usage(error) if error.is_a?(OptionParser::ParseError)
      message = "#{message}; see `etcd_discovery --help`" if usage?(error)
      # This process ends, so nothing continues in the background.
      message = message.sub("retrying in the background, ", "")
      @err.puts("etcd_discovery: #{Escape.line(message)}")
    rescue SystemCallError, IOError
      nil # No one reads the output any more; the exit status tells.
    end

    def usage?(error) = error.is_a?(OptionParser::ParseError) || error.is_a?(WrongUsage)

    def kind_of(error)
      case error
      when OptionParser::ParseError, WrongUsage, ArgumentError, ConfigurationError,
           InvalidValueError then :usage
      when AuthenticationError, PermissionError then :refused
      when ConnectionError then :unreachable
      when ConflictError then :conflict
      when RolloutError then :reverted
      else :failed
      end
    end

    def split_off_last
      at = @arguments.index("--") or return []
      @arguments.slice!(at..).drop(1)
    end

    def parser
      @parser ||= OptionParser.new(USAGE) do |options|
        connection_options(options)
        options.on("--json", "print JSON, one document a line") { @json = true }
        change_options(options)
        fleet_options(options)
        service_options(options)
        options.on("-h", "--help", "print this") { @help = true }
        options.on("--version", "print the version") { @help = VERSION }
      end
    end

    def service_options(options)
      options.on("--ttl N", Integer, "seconds that etcd keeps the key after the last heartbeat") do |ttl|
        @registration[:ttl] = ttl
      end
      options.on("--id ID", "distinguishes the instances of a service") { |id| @registration[:id] = id }
      options.on("--weight N", Float, "share of work") { |weight| @registration[:weight] = weight }
      options.on("--format F", "plain, endpoints, kratos or zero") do |format|
        @registration[:format] = format.to_sym
      end
    end

    def help
      @out.puts(@help == true ? parser.help + EXITS_TEXT : @help)
      EXITS.fetch(:ok)
    end
  end
end
