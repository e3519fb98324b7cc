# frozen_string_literal: true

require "fileutils"

module Matrix
  # Gives a root the dependencies that are compiled here: compiling all of them again takes minutes. It leaves
  # out what depends on the Ruby, or on a path in this tree.
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

    # Build scripts are programs: those that were linked here run only where the C library is not older.
    def runs_with?(libc, here: `getconf GNU_LIBC_VERSION`)
      theirs, ours = [libc, here].map { |text| Gem::Version.new(text[/[\d.]+/] || "0") }
      theirs >= ours
    end
  end
end
