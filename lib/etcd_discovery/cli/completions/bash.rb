# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    class Completions
      # The script for bash, 3.2 (of macOS) and later.
      #
      # @api private
      class Bash < Completions
        # @return [String]
        def script
          <<~BASH
            # bash completion of etcd_discovery: source <(etcd_discovery completions bash)
            _etcd_discovery() {
              local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
              local command='' words='' word skip=''
              COMPREPLY=()
              for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                if [[ -n $skip ]]; then skip=''; continue; fi
                case $word in
                  #{names(with_argument)}) skip=1 ;;
                  #{@commands.keys.join('|')}) command=$word; break ;;
                esac
              done
              case $previous in
            #{arguments}
              esac
              case $command in
            #{commands}
              esac
              COMPREPLY=($(compgen -W "$words" -- "$current"))
            }
            complete -o default -F _etcd_discovery etcd_discovery
          BASH
        end

        private

        def names(switches) = switches.flat_map(&:long).join("|")

        def with_argument = @switches.select(&:arg)

        # What follows an option that has an argument. Without words the shell completes files.
        def arguments
          closed, files = with_argument.partition { |switch| !switch.arg.match?(FILE) }
          words, closed = closed.partition { |switch| WORDS.key?(switch.long.first) }
          [*words.map { |switch| words(switch.long.first) },
           "    #{names(files)}) return ;;",
           "    #{names(closed)}) type compopt &>/dev/null && compopt +o default; return ;;"].join("\n")
        end

        def words(name)
          words = WORDS.fetch(name).join(" ")
          "    #{name}) COMPREPLY=($(compgen -W \"#{words}\" -- \"$current\")); return ;;"
        end

        def commands
          rows = ["    '') words=\"#{[*@commands.keys, *options_for(nil)].join(' ')}\" ;;"]
          rows += @commands.keys.map do |command|
            words = [*ARGUMENTS[command], *options_for(command)]
            "    #{command}) words=\"#{words.join(' ')}\" ;;"
          end
          rows.join("\n")
        end
      end
    end
  end
end
