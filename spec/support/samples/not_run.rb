# frozen_string_literal: true

module Harness
  module Samples
    # Ruby samples that are checked for their syntax only: page, beginning, reason.
    NOT_RUN = [
      ["docs/servers.md", "# pitchfork.conf.rb", "Debian has no pitchfork"],
      ["docs/servers.md", "# config/initializers/resque.rb", "Debian has no resque"],
      ["docs/servers.md", "Daemons.run_proc", "Debian has no daemons"],
      ["docs/servers.md", "# config/initializers/solid_queue.rb", "Debian has no solid_queue"],
      ["docs/servers.md", "# config.ru\nEtcdDiscovery.start", "Debian has no falcon"],
      ["docs/servers.md", "# karafka.rb", "Debian has no karafka"],
      ["docs/operations.md", "meter = OpenTelemetry", "Debian has no OpenTelemetry for Ruby"],
      ["docs/installation.md", "# Gemfile\ngem \"etcd_discovery\", force_ruby", "it needs Bundler 2.3.18"]
    ].freeze

    # Samples that are part of a file which a spec runs: page, beginning, file.
    QUOTED = [
      ["docs/servers.md", "# config.ru", "spec/servers/application/config.ru"]
    ].freeze

    # Commands that are not run: their beginning, and the reason.
    COMMANDS_NOT_RUN = {
      "gem install " => "it needs a released gem",
      "cd ../etcd_discovery && rake compile" => "it compiles for minutes; every spec needs its result",
      "apt-get install " => "it changes the machine; a spec compares the packages with bin/setup",
      "dnf install " => "this system is no Fedora; a spec compares the packages",
      "apk add " => "this system is no Alpine; a spec compares the packages",
      "curl --proto " => "it installs Rust from the network",
      "xcode-select " => "macOS alone has it",
      "brew " => "Homebrew is not on this system",
      "etcd &" => "the etcd of the spec runs already",
      "bin/demo" => "it takes a minute and several servers, and checks itself what it shows",
      "bin/setup " => "it changes the machine",
      "RUBIES=" => "it needs Rubies in folders of the reader's",
      "pip download " => "it loads from the network, for an installation without root",
      "export LIBCLANG_PATH=" => "it goes with the line before it",
      "export BINDGEN_EXTRA_CLANG_ARGS=" => "it goes with the line before it",
      "openssl pkey " => "the key is the reader's",
      "etcd_discovery doctor" => "Debian's etcd is old enough to be doubtful, which its exit status says",
      "vault read " => "Debian has no Vault",
      "etcd_discovery --user app --password-file /run/secrets" => "the file is the reader's"
    }.freeze
  end
end
