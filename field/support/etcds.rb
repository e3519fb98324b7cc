# frozen_string_literal: true

require "open3"
require_relative "../../rakelib/matrix/etcd_build"
require_relative "../../spec/support/etcd_server"

module Field
  # Finds the etcd of a version: the installed one if it matches, else one built from its Go module.
  module Etcds
    @paths = {}

    module_function

    # @param version [String] such as "3.6"
    # @param log [IO] gets the output of a build
    # @return [String] the path of the program
    # @raise [Matrix::Unavailable] with the reason
    def path(version, log)
      return Harness::EtcdServer::BINARY if version == installed

      @paths[version] ||= Matrix::EtcdBuild.programs(version, log).first
    end

    # @return [String] such as "3.4"
    def installed = @installed ||= release(Harness::EtcdServer::BINARY)[/\A\d+\.\d+/]

    # @return [String] such as "3.4.23"
    def release(path) = Open3.capture2e(path, "--version").first[/etcd Version: (\S+)/, 1]
  end
end
