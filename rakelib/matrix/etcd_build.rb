# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require_relative "command"
require_relative "environment"
require_relative "row"

module Matrix
  # Builds etcd and etcdctl from their Go modules, once for each release. `go install` refuses them, since
  # their go.mod replaces modules; as requirements of another module they can be built.
  module EtcdBuild
    PROGRAMS = { "etcd" => "go.etcd.io/etcd/server/v3", "etcdctl" => "go.etcd.io/etcd/etcdctl/v3" }.freeze
    # Without C they run in any root.
    SETTINGS = { "CGO_ENABLED" => "0", "GOFLAGS" => "-mod=mod" }.freeze
    KEPT = File.expand_path("../../tmp/etcd", __dir__)

    module_function

    # @param version [String] such as "3.6", of which the latest release is taken
    # @param log [IO] gets what Go prints
    # @return [Array<String>] the paths of etcd and etcdctl
    # @raise [Unavailable] with the reason
    def programs(version, log, kept: KEPT)
      raise Unavailable, "Go is not installed" if Environment.go.empty?

      folder = File.join(kept, release(version))
      build(File.basename(folder), folder, log) unless File.directory?(folder)
      PROGRAMS.keys.map { |program| File.join(folder, program) }
    end

    # @return [String] such as "v3.6.10"
    def release(version)
      query = ["go", "list", "-m", "-f", "{{.Version}}", "#{PROGRAMS['etcd']}@v#{version}"]
      out, status = Open3.capture2(SETTINGS, *query, err: File::NULL, chdir: Dir.tmpdir)
      status.success? ? out.strip : raise(Unavailable, "Go's modules have no etcd #{version}")
    end

    # In a folder beside, which gets its name once it is complete: two runs may build at the same time.
    def build(release, folder, log)
      FileUtils.mkdir_p(File.dirname(folder))
      Dir.mktmpdir("building-", File.dirname(folder)) do |building|
        compile(release, building, log)
        done = File.join(building, "programs")
        File.chmod(0o755, done)
        File.rename(done, folder)
      rescue Errno::EEXIST, Errno::ENOTEMPTY
        nil # the other run was faster
      end
    end

    def compile(release, building, log)
      run = ->(*words) { Command.run("go", *words, log:, env: SETTINGS, chdir: building) }
      run.call("mod", "init", "etcd")
      run.call("get", *PROGRAMS.values.map { |name| "#{name}@#{release}" }) or
        raise Unavailable, "Go's modules have no etcd #{release}"
      PROGRAMS.each do |program, name|
        run.call("build", "-o", "programs/#{program}", name) or
          raise Unavailable, "#{name} #{release} does not compile"
      end
    end
  end
end
