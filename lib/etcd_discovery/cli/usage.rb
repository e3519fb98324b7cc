# frozen_string_literal: true

module EtcdDiscovery
  # What `--help` prints.
  #
  # @api private
  class CLI
    # The arguments are wrong; the message says which, and where to read on.
    #
    # @api private
    class WrongUsage < StandardError; end

    USAGE = <<~TEXT
      Usage: etcd_discovery [options] COMMAND

        get KEY                            print the value of a key
        list [KEY | PREFIX/]               print a key, or all below a prefix, with their values
        put KEY [VALUE | --file FILE]      write a key, print the revision
        delete KEY                         delete a key, print the revision
        watch KEY | PREFIX/                print each change, until interrupted
        history KEY [--limit N]            print the changes of a key, the newest first: revision, what, when, who,
                                           value and why
        diff KEY | PREFIX/ --from REVISION [--to REVISION]
                                           print what differs between two revisions, or between one and now
        rollback KEY | PREFIX/ --to REVISION [--dry-run]
                                           print what differs, and set it back, in one transaction
        export PREFIX/                     print keys and values as YAML (with --json as JSON), without those under
                                           a lease
        apply FILE [--prune] [--dry-run] [--if-revision N]
                                           print what differs from a file in YAML or JSON, and write it, in one
                                           transaction; `-` is standard input
        services [NAME | PREFIX/]          print the instances of a service, named as in `register`, or of all
                                           services under a prefix (/service/ when not given)
        status [KEY | PREFIX/ …]           print whether etcd can be reached from here, and whether these keys
                                           may be read; without any, those that ETCDDISCOVERY_WATCH names
        register NAME ADDRESS [--ttl N] [--id ID] [--weight N] [--format F] [-- COMMAND…]
                                           announce an instance while the command runs (or until interrupted);
                                           signals are passed on to it, and its exit status is ours

      A prefix ends in a slash; everything else is a key. `put`, `delete`, `rollback` and `apply` take --by and
      --note for the change log.

      Where etcd is, and who to be, comes from the environment: ETCDDISCOVERY_ENDPOINTS or ETCDCTL_ENDPOINTS,
      and so on, or from these options:

    TEXT

    EXITS_TEXT = <<~TEXT

      Keys and values that hold control characters, or bytes that are not UTF-8, are printed quoted, with escapes
      such as "\\n" and "\\x1b". `get` writes the bytes as they are unless it writes to a terminal. JSON has
      `key_base64` or `value_base64` beside what is not UTF-8: the exact bytes.

      Exit status: 0 done; 1 failed; 2 wrong usage; 3 no such key, or no instance; 4 etcd cannot be reached or
      does not answer; 5 etcd refuses the user; 6 a key has changed meanwhile, and nothing was written. `status` prints its table in each case. `register` runs its
      command even if etcd does not take the registration, says so on standard error, and ends with the
      command's own status (128 + the signal's number for one that a signal ended; 127 for one that could not
      be started). Without a command it ends with 4, 5 or 1 if etcd never confirmed the registration.
    TEXT
    private_constant :USAGE, :EXITS_TEXT
  end
end
