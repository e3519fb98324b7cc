# frozen_string_literal: true

module EtcdDiscovery
  # The text of `--help`.
  #
  # @api private
  class CLI
    # The arguments are wrong. The message says which, and where to find help.
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
        history KEY [--limit N]            print the changes of a key, newest first: revision, action, time, author,
                                           value and reason
        diff KEY | PREFIX/ --from REVISION [--to REVISION]
                                           print what differs between two revisions, or between one and now
        rollback KEY | PREFIX/ --to REVISION [--dry-run]
                                           print what differs, and restore it in one transaction
        explain NAME                       print what each layer has for a name; `*` marks the value in force
        override NAME [VALUE | --file FILE] [--for TIME]
                                           give a name another value for a while, in the first layer
        release NAME                       end an override before its time
        export PREFIX/                     print keys and values as YAML (with --json as JSON), except keys with a
                                           lease
        apply FILE [--prune] [--dry-run] [--if-revision N]
                                           print what differs from a YAML or JSON file, and write it in one
                                           transaction; `-` is standard input
        fleet [--await TIME]               print every process of the fleet, the slowest first: host, pid, role, how
                                           long it took to answer, revision, reconnects, memory, version and
                                           program
        rollout NAME [VALUE | --file FILE] [--steps 1,10%,all] [--pause 30s] [--check COMMAND]
                                           override a name in the layers of some hosts after others, as long as all
                                           is well, and then write it for all; else the hosts get the old value back
        services [NAME | PREFIX/]          print the instances of a service (NAME as in `register`), or of all
                                           services under a prefix (default: /service/)
        status [KEY | PREFIX/ …]           print whether etcd can be reached from here, and whether these keys
                                           may be read; default: the keys in ETCDDISCOVERY_WATCH
        doctor [KEY | PREFIX/ …]           look for what is wrong: settings, files, names, TCP, TLS, login, permission,
                                           members, clock, latency, limits; each line is fine, doubtful or wrong
        register NAME ADDRESS [--ttl N] [--id ID] [--weight N] [--format F] [-- COMMAND…]
                                           announce an instance while the command runs (or until interrupted);
                                           passes signals on to it, and returns its exit status
        completions bash|zsh               print a script for the shell

      A prefix ends in a slash; everything else is a key. Commands that write take --by and --note for the
      change log; with --await TIME they wait until every process of the fleet has the change. With --layers or
      ETCDDISCOVERY_LAYERS, `get`, `list` and `watch` take a name without a slash in front too, and look it up in
      the layers.

      The address of etcd and the login come from the environment (ETCDDISCOVERY_ENDPOINTS or ETCDCTL_ENDPOINTS,
      and so on) or from these options:

    TEXT

    EXITS_TEXT = <<~TEXT

      Keys and values with control characters, or with bytes that are not UTF-8, are printed quoted, with escapes
      such as "\\n" and "\\x1b". `get` writes the exact bytes unless it writes to a terminal. In JSON,
      `key_base64` or `value_base64` holds the exact bytes of text that is not UTF-8.

      Exit status: 0 done; 1 failed; 2 wrong usage; 3 no such key, instance or override; 4 etcd cannot be reached or
      does not answer; 5 etcd refuses the user; 6 a key changed meanwhile, and nothing was written; 7 not
      every process of the fleet has the revision (the write itself was made); 9 the rollout was stopped, and the
      hosts get their old value back.
      `doctor` returns 1 if something is wrong, and 8 if something is doubtful. `status` prints its table in each
      case. `register` runs its command even if etcd refuses the registration, and reports that on standard error.
      It returns the command's status (128 + the signal's number if a signal ended it; 127 if it could not be
      started). Without a command it returns 4, 5 or 1 if etcd never confirmed the registration.
    TEXT
    private_constant :USAGE, :EXITS_TEXT
  end
end
