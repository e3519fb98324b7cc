# frozen_string_literal: true

require_relative "row"

module Matrix
  # Installs a Ruby from Debian's experimental packages, and makes it the default Ruby of a root.
  module NewerRuby
    SOURCE = "deb MIRROR experimental main"
    INSTALL = <<~'SH'
      set -e
      apt-get update -q
      apt-get install -q -y --no-install-recommends "ruby$1" "ruby$1-dev"
      for name in ruby irb gem bundle bundler; do
        if [ -e "/usr/bin/$name$1" ]; then ln -sf "$name$1" "/usr/bin/$name"; fi
      done
    SH

    module_function

    def install(root, version)
      root.add_source(SOURCE)
      root.run(*root.command("sh", "-c", INSTALL, "install", version)) or
        raise Unavailable, "Debian's experimental packages have no installable Ruby #{version}"
    end
  end
end
