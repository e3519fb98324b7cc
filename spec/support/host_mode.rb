# frozen_string_literal: true

require "fileutils"
require "tmpdir"

module Harness
  # With HOST_COPY=1 in the environment, every client of a run shares a host copy with the other processes of
  # its settings: so the examples hold the same promises in both modes.
  #
  # An example or a group with the metadata `:own_watch` states a fact about a process's own connection: which
  # requests it makes, or which errors it meets. A follower has none, so each process follows etcd by itself
  # there. The value of the metadata says why.
  module HostMode
    VARIABLE = "ETCDDISCOVERY_HOST_COPY"

    class << self
      def wanted? = ENV["HOST_COPY"] == "1"

      # Everything that is started from now on inherits the variable: servers, command lines, Ruby processes.
      def apply(metadata)
        return unless wanted?

        ENV[VARIABLE] = metadata[:own_watch] ? nil : folder
      end

      private

      # A folder, because Ruby processes of the specs have temporary folders of their own.
      def folder
        @folder ||= Dir.mktmpdir("host-mode-").tap do |path|
          owner = Process.pid
          at_exit { FileUtils.rm_rf(path) if Process.pid == owner }
        end
      end
    end
  end
end
