# frozen_string_literal: true

module EtcdDiscovery
  # What serves a client in place of etcd (setting `source`): its own memory, or a YAML file.
  #
  # @api private
  module Source
    # The setting that means the process's own memory; any other text is the path of a file.
    MEMORY = "memory"

    # @param client [Client]
    # @return [Source::File, nil] what the client follows
    # @raise [ConfigurationError] for a file that cannot be read, or is bad
    def self.follow(client)
      path = client.config.source
      File.new(client, path).tap { |file| Follower.add(file) } unless path.nil? || path == MEMORY
    end
  end
end

require_relative "source/content"
require_relative "source/file"
require_relative "source/follower"
