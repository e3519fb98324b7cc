# frozen_string_literal: true

require "tmpdir"
require_relative "command"
require_relative "environment"
require_relative "row"

module Matrix
  # Builds etcd and etcdctl from their Go modules. `go install` refuses them, since their go.mod replaces
  # modules; as requirements of another module they can be built.
  module EtcdBuild
    PROGRAMS = { "etcd" => "go.etcd.io/etcd/server/v3", "etcdctl" => "go.etcd.io/etcd/etcdctl/v3" }.freeze
    # Without C they run in any root.
    SETTINGS = { "CGO_ENABLED" => "0", "GOFLAGS" => "-mod=mod" }.freeze

    module_function

    # @param version [String] such as "3.6", of which the latest release is taken
    # @yield [Array<String>] the paths of both programs, which are there during the block
    def open(version, log)
      raise Unavailable, "Go is not installed" if Environment.go.empty?

      Dir.mktmpdir("etcd_discovery-etcd-") do |folder|
        run = ->(*words) { Command.run("go", *words, log:, env: SETTINGS, chdir: folder) }
        build(version, run)
        yield PROGRAMS.keys.map { |program| File.join(folder, program) }
      end
    end

    def build(version, run)
      run.call("mod", "init", "etcd")
      run.call("get", *PROGRAMS.values.map { |name| "#{name}@v#{version}" }) or
        raise Unavailable, "Go's modules have no etcd #{version}"
      PROGRAMS.each do |program, name|
        run.call("build", "-o", program, name) or raise Unavailable, "#{name} #{version} does not compile"
      end
    end
  end
end
