# frozen_string_literal: true

# What compiling needs, as the package managers of several systems name it.
module Packages
  SYSTEMS = {
    debian: ["Debian, Ubuntu", "apt-get install"], fedora: ["Fedora", "dnf install"],
    alpine: ["Alpine", "apk add"], homebrew: ["Homebrew", "brew install"]
  }.freeze

  # Debian's and Ubuntu's own Rust is too old.
  NEEDS = {
    rust: { fedora: "cargo", alpine: "cargo", homebrew: "rust" },
    compiler: { debian: "gcc libc6-dev", fedora: "gcc", alpine: "gcc musl-dev" },
    make: { debian: "make", fedora: "make", alpine: "make" },
    libclang: { debian: "libclang-dev", fedora: "clang-devel", alpine: "clang-dev", homebrew: "llvm" },
    ruby_headers: { debian: "ruby-dev", fedora: "ruby-devel", alpine: "ruby-dev", homebrew: "ruby" }
  }.freeze

  module_function

  def names(packages)
    *others, last = packages.map { |system, names| "#{names} (#{SYSTEMS.fetch(system).first})" }
    others.empty? ? last : "#{others.join(', ')} or #{last}"
  end

  # One command per system, for all that is missing.
  def commands(missing)
    lines = SYSTEMS.filter_map do |system, (name, command)|
      packages = missing.filter_map { |need| need[system] }
      "  #{"#{name}:".ljust(16)}#{command} #{packages.join(' ')}" if packages.any?
    end
    lines.empty? ? "" : ["", "The packages in one command:", *lines, ""].join("\n")
  end
end
