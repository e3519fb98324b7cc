# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require_relative "command"
require_relative "environment"
require_relative "row"

module Matrix
  # Builds etcd and its tools from their Go modules, once for each release. `go install` refuses them because
  # their go.mod replaces modules, but they can be built as requirements of another module.
  module EtcdBuild
    PROGRAMS = { "etcd" => "go.etcd.io/etcd/server/v3", "etcdctl" => "go.etcd.io/etcd/etcdctl/v3",
                 "etcdutl" => "go.etcd.io/etcd/etcdutl/v3" }.freeze
    # Built without C, they run in any root.
    SETTINGS = { "CGO_ENABLED" => "0", "GOFLAGS" => "-mod=mod" }.freeze
    KEPT = File.expand_path("../../tmp/etcd", __dir__)

    module_function

    # @param version [String] such as "3.6", which means its latest release
    # @param log [IO] gets Go's output
    # @return [Array<String>] the paths of etcd, etcdctl and etcdutl
    # @raise [Unavailable] with the reason
    def programs(version, log, kept: KEPT)
      raise Unavailable, "Go is not installed" if Environment.go.empty?

      release = release(version)
      paths = PROGRAMS.keys.to_h { |name| [name, File.join(kept, release, name)] }
      missing = paths.reject { |_, path| File.exist?(path) }
      build(release, missing, log) if missing.any?
      paths.values
    end

    # @return [Hash{String => String}] the environment that makes specs and torture use these programs
    def variables(programs) = programs.to_h { |path| ["#{File.basename(path).upcase}_BIN", path] }

    # @return [String] such as "v3.6.10"
    def release(version)
      query = ["go", "list", "-m", "-f", "{{.Version}}", "#{PROGRAMS['etcd']}@v#{version}"]
      out, status = Open3.capture2(SETTINGS, *query, err: File::NULL, chdir: Dir.tmpdir)
      status.success? ? out.strip : raise(Unavailable, "Go's modules have no etcd #{version}")
    end

    # Builds the programs. Each is renamed into place once it is complete, because two runs may build at the
    # same time.
    def build(release, paths, log)
      folder = File.dirname(paths.values.first)
      FileUtils.mkdir_p(folder)
      Dir.mktmpdir("building-", File.dirname(folder)) do |building|
        run = ->(*words) { Command.run("go", *words, log:, env: SETTINGS, chdir: building) }
        require_modules(release, run)
        paths.each do |name, path|
          run.call("build", "-o", name, PROGRAMS.fetch(name)) or
            raise Unavailable, "#{name} #{release} does not compile"
          File.rename(File.join(building, name), path)
        end
      end
    end

    def require_modules(release, run)
      run.call("mod", "init", "build")
      run.call("get", *PROGRAMS.values.map { |name| "#{name}@#{release}" }) or
        raise Unavailable, "Go's modules have no etcd #{release}"
    end
  end
end
