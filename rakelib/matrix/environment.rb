# frozen_string_literal: true

require "open3"

module Matrix
  # The parts of this machine that a root shares: Rust and Go with their caches and settings.
  module Environment
    # The variables to pass on: proxies, mirrors of crates and modules, and the setting that makes torture
    # tolerate a busy machine.
    SETTINGS = /\A(?:CARGO_|RUSTUP_|RUST_BACKTRACE|GO|TORTURE_|(?:https?|no|all)_proxy\z)/i
    # Variables that would lead out of the root's copy of the tree.
    LEFT_OUT = /\ACARGO_(?:TARGET_DIR|BUILD_)/
    SYSTEM_PATH = %w[/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin].freeze

    module_function

    # @return [Array<String>] the requirements that this machine lacks
    def missing
      lacking = []
      lacking << "root privileges: sudo --preserve-env rake matrix" unless Process.euid.zero?
      lacking << "Rust installed by rustup" unless File.directory?(rustup_home)
      %w[debootstrap unshare].each do |program|
        found = ENV.fetch("PATH").split(":").any? { |folder| File.executable?(File.join(folder, program)) }
        lacking << "#{program}: bin/setup matrix" unless found
      end
      lacking
    end

    def cargo_home = ENV.fetch("CARGO_HOME", File.join(Dir.home, ".cargo"))

    def rustup_home = ENV.fetch("RUSTUP_HOME", File.join(Dir.home, ".rustup"))

    # @return [Hash{String => String}] the paths of Go and its caches; empty without Go
    def go
      @go ||= %w[GOROOT GOMODCACHE GOCACHE GOPROXY].zip(go_env).to_h.compact
    end

    def go_env
      Open3.capture2("go", "env", "GOROOT", "GOMODCACHE", "GOCACHE", "GOPROXY").first.lines(chomp: true)
    rescue Errno::ENOENT
      []
    end

    # @return [Array<String>] the folders to mount, at the same paths
    def folders
      [cargo_home, rustup_home, *go.values_at("GOROOT", "GOMODCACHE", "GOCACHE").compact]
        .select { |folder| File.directory?(folder) }
    end

    # @return [Hash{String => String}] the whole environment in a root
    def variables
      programs = [cargo_home, go["GOROOT"]].compact.map { |folder| File.join(folder, "bin") }
      kept = ENV.to_h.select { |name, _| name.match?(SETTINGS) && !name.match?(LEFT_OUT) }
      { **kept, **go, "CARGO_HOME" => cargo_home, "RUSTUP_HOME" => rustup_home, "HOME" => "/root",
                      "LC_ALL" => "C.UTF-8", "DEBIAN_FRONTEND" => "noninteractive",
                      "PATH" => [*programs, *SYSTEM_PATH].join(":") }
    end
  end
end
