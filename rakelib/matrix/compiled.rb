# frozen_string_literal: true

require "fileutils"

module Matrix
  # Copies compiled dependencies into a root, because compiling all of them again takes minutes. It leaves out
  # those that depend on the Ruby or on a path in this tree.
  module Compiled
    FOREIGN = "{.fingerprint,build,deps}/{lib,}{rb-sys,rb_sys,magnus,etcd_discovery}*"

    module_function

    # @param from [String] Cargo's target folder here
    # @param to [String] the one in the root
    def share(from, to)
      release = File.join(from, "release")
      return unless File.directory?(release)

      FileUtils.mkdir_p(to)
      FileUtils.cp_r(release, to, preserve: true)
      copied = File.join(to, "release")
      FileUtils.rm_rf(Dir.glob(FOREIGN, base: copied).map { |path| File.join(copied, path) })
    end

    # Whether the compiled build scripts run in a root. They need a C library that is not older than the one
    # here.
    def runs_with?(libc, here: `getconf GNU_LIBC_VERSION`)
      theirs, ours = [libc, here].map { |text| Gem::Version.new(text[/[\d.]+/] || "0") }
      theirs >= ours
    end
  end
end
