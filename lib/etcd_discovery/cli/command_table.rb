# frozen_string_literal: true

module EtcdDiscovery
  # The table of its commands.
  #
  # @api private
  class CLI
    # Every command and what it does in a few words, for shells that complete it. `--help` says more.
    #
    # @api private
    COMMANDS = {
      "get" => "print the value of a key",
      "list" => "print a key, or all below a prefix",
      "put" => "write a key",
      "delete" => "delete a key",
      "watch" => "print each change",
      "history" => "print the changes of a key",
      "diff" => "print what differs between two revisions",
      "rollback" => "set keys back to a revision",
      "explain" => "print the value of a name in every layer",
      "override" => "set a name in the first layer for a while",
      "release" => "end an override",
      "export" => "print keys and values as YAML or JSON",
      "apply" => "write what differs from a file",
      "fleet" => "print which processes have the present revision",
      "rollout" => "give a value to some hosts after others",
      "services" => "print the instances of services",
      "status" => "print whether etcd can be reached",
      "doctor" => "look for what is wrong",
      "register" => "announce an instance",
      "completions" => "print a script that completes commands in bash or zsh"
    }.freeze

    WRITING = %w[put delete rollback apply].freeze
    LAYERED = %w[override release].freeze
    # An option of another command must not be passed over: `put --dry-run` would write.
    OPTIONS_OF = {
      file: %w[put override rollout], if_revision: %w[put delete apply override release],
      by: [*WRITING, *LAYERED, "rollout"], note: [*WRITING, *LAYERED, "rollout"], from: %w[diff],
      to: %w[diff rollback], limit: %w[history], dry_run: %w[rollback apply], prune: %w[apply],
      for: %w[override], await: [*WRITING, *LAYERED, "fleet", "rollout"],
      steps: %w[rollout], pause: %w[rollout], check: %w[rollout], check_timeout: %w[rollout],
      layer: %w[rollout], lease: %w[rollout]
    }.freeze
    # Those are passed over elsewhere.
    OPTIONS_OF_SERVICES = { ttl: %w[register], id: %w[register], weight: %w[register],
                            format: %w[register services] }.freeze
    private_constant :COMMANDS, :WRITING, :LAYERED, :OPTIONS_OF, :OPTIONS_OF_SERVICES
  end
end
