# frozen_string_literal: true

module EtcdDiscovery
  class Service
    # What browsers of etcd and gateways write to show a folder, since etcd itself has none.
    #
    # @api private
    module Marks
      # Of etcdkeeper and e3w, and of APISIX.
      KNOWN = ["etcdv3_dir_$2H#%gRe3*t", "init_dir"].freeze
      # Looks like something that was meant as an instance.
      MEANT = /[{:]/n

      module_function

      # @return [Boolean] whether an entry is such a mark, and nobody can have meant an instance
      def mark?(id, value)
        bytes = value.b.strip
        folder = id.nil? || id.b.end_with?("/") || id.empty?
        KNOWN.include?(bytes) || (folder && (bytes.empty? || (!id.nil? && !bytes.match?(MEANT))))
      end
    end
  end
end
