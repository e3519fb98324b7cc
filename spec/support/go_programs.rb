# frozen_string_literal: true

require "fileutils"
require "open3"
require "tmpdir"
require_relative "cleanup"

module Harness
  # The programs of examples/go, built once in a run.
  module GoPrograms
    FOLDER = File.expand_path("../../examples/go", __dir__)

    module_function

    # Why they are not available here: no Go, or no source for their modules. A program that does not compile
    # is a failure, not a reason.
    def missing
      return @missing if defined?(@missing)

      out, status = Open3.capture2e("go", "mod", "download", chdir: FOLDER)
      @missing = (status.success? ? nil : "Go's modules cannot be downloaded: #{out[0, 500]}")
    rescue Errno::ENOENT
      @missing = "Go is not installed"
    end

    def path(name)
      File.join(@built ||= build, name)
    end

    def build
      folder = Dir.mktmpdir("go-programs-")
      owner = Process.pid
      at_exit { FileUtils.rm_rf(folder) if owner == Process.pid }
      out, status = Open3.capture2e("go", "build", "-o", "#{folder}/", "./...", chdir: FOLDER)
      status.success? ? folder : raise("examples/go does not compile:\n#{out}")
    end
  end
end
