# frozen_string_literal: true

module EtcdDiscovery
  class CLI
    class Completions
      # The script for zsh.
      #
      # @api private
      class Zsh < Completions
        # @return [String]
        def script
          <<~ZSH
            #compdef etcd_discovery
            # zsh completion of etcd_discovery: etcd_discovery completions zsh > "${fpath[1]}/_etcd_discovery"
            _etcd_discovery() {
              local word command=''
              local -a commands options
              commands=(
            #{@commands.map { |name, text| "    #{quoted("#{name}:#{text}")}" }.join("\n")}
              )
              for word in ${words[2,CURRENT-1]}; do
                if (( ${commands[(I)${word}:*]} )); then command=$word; break; fi
              done
              case $command in
            #{commands}
              esac
              if [[ -z $command ]]; then
                _arguments -s $options '*: :{_describe command commands}'
              elif [[ $command == completions ]]; then
                _arguments -s $options '*:shell:(#{ARGUMENTS.fetch('completions').join(' ')})'
              else
                _arguments -s $options '*:argument:_files'
              fi
            }
            if [[ $funcstack[1] == _etcd_discovery ]]; then
              _etcd_discovery "$@"
            else
              compdef _etcd_discovery etcd_discovery
            fi
          ZSH
        end

        private

        def commands
          [nil, *@commands.keys].map do |command|
            options = switches_for(command).map { |switch| "      #{option(switch)}" }
            "    #{command ? quoted(command) : "''"}) options=(\n#{options.join("\n")}\n    ) ;;"
          end.join("\n")
        end

        def option(switch)
          text = switch.desc.join(" ").gsub(/[\[\]:\\]/) { |sign| "\\#{sign}" }
          name = switch.long.first
          quoted("#{name}[#{text}]#{argument(name, switch.arg) if switch.arg}")
        end

        def argument(name, argument)
          return ":word:(#{WORDS.fetch(name).join(' ')})" if WORDS.key?(name)

          argument.match?(FILE) ? ":file:_files" : ":#{argument.strip.downcase.tr(':', ' ')}: "
        end

        def quoted(text) = "'#{text.gsub("'", "'\\\\''")}'"
      end
    end
  end
end
