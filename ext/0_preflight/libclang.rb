# frozen_string_literal: true

require "open3"

# Looks for libclang where bindgen does (by the crate clang-sys), which reads Ruby's C headers with it.
module Libclang
  MACOS = RUBY_PLATFORM.include?("darwin")
  FOLDERS =
    if MACOS
      %w[/usr/local/opt/llvm*/lib{,/llvm*/lib} /Library/Developer/CommandLineTools/usr/lib
         /Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib]
    else
      %w[/usr/local/llvm*/lib* /usr/local/lib*{,/*,/*/*} /usr/lib*{,/*,/*/*}]
    end
  LIBRARY = MACOS ? "libclang.dylib" : "libclang{,-*}.so{,.*}"
  # Headers of the compiler itself, which distributions package apart from the library.
  HEADERS = %w[{.,../lib,../lib64}/clang/*/include/stdarg.h].freeze
  SHARED_HEADERS = %w[/usr/{,local/}lib*{,/llvm*/lib*}/clang/*/include/stdarg.h].freeze

  module_function

  # @return [String, nil] what is missing
  def fault
    libraries = search
    if libraries.empty?
      given = ENV.fetch("LIBCLANG_PATH", nil)
      return given ? "libclang is missing from LIBCLANG_PATH (#{given})" : "libclang is missing"
    end

    "#{libraries.first} lacks clang's own headers, such as stdarg.h" unless headers?(libraries)
  end

  # bindgen looks nowhere else once LIBCLANG_PATH is set.
  def search
    given = ENV.fetch("LIBCLANG_PATH", nil)
    given = File.dirname(given) if given && File.file?(given)
    folders = given ? [given] : FOLDERS + named_folders
    folders.flat_map { |folder| Dir[File.join(folder, LIBRARY)] }.reject { |path| path.include?("-cpp.") }
  end

  def named_folders
    variables = %w[LD_LIBRARY_PATH LIBRARY_PATH].flat_map { |name| ENV.fetch(name, "").split(":") }
    prefix = first_line(ENV.fetch("LLVM_CONFIG_PATH", "llvm-config"), "--prefix")
    developer = MACOS && first_line("xcode-select", "--print-path")
    variables +
      (prefix ? [File.join(prefix, "{bin,lib,lib64}")] : []) +
      (developer ? [File.join(developer, "Toolchains/XcodeDefault.xctoolchain/usr/lib")] : [])
  end

  # A clang on PATH, or the user, tells bindgen of other folders.
  def headers?(libraries)
    return true if MACOS || ENV.key?("BINDGEN_EXTRA_CLANG_ARGS") || first_line("clang", "--version")

    beside = libraries.flat_map do |path|
      HEADERS.map { |pattern| File.join(File.dirname(File.realpath(path)), pattern) }
    end
    (beside + SHARED_HEADERS).uniq.any? { |pattern| Dir[pattern].any? }
  end

  def first_line(*command)
    output, _errors, status = Open3.capture3(*command)
    output.lines.first&.chomp if status.success?
  rescue SystemCallError
    nil
  end
end
