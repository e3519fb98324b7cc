# frozen_string_literal: true

module EtcdDiscovery
  # Serves a client without etcd (setting `source`): from the process's own memory, or from a YAML file.
  #
  # @api private
  module Source
    # The setting that means the process's own memory. Any other text is the path of a file.
    MEMORY = "memory"

    # @param client [Client]
    # @return [Source::File, nil] the file that the client follows
    # @raise [ConfigurationError] for a file that cannot be read or is invalid
    def self.follow(client)
      path = client.config.source
      File.new(client, path).tap { |file| Follower.add(file) } unless path.nil? || path == MEMORY
    end
  end
end

require_relative "source/content"
require_relative "source/file"
require_relative "source/follower"
require_relative "source/leases"
