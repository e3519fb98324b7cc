# frozen_string_literal: true

module Harness
  module Samples
    # Ruby samples that are checked for their syntax only: page, beginning, reason.
    NOT_RUN = [].freeze

    # Commands that are not run: what they begin with, and why.
    COMMANDS_NOT_RUN = {
      "xcode-select " => "macOS alone has it",
      "brew " => "Homebrew is not on this system",
      "etcd &" => "the etcd of the spec runs already",
      "bin/demo" => "it takes a minute and several servers, and checks itself what it shows"
    }.freeze
  end
end
