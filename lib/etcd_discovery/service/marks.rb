# frozen_string_literal: true

module EtcdDiscovery
  class Service
    # Recognizes the marks that etcd browsers and gateways write to show a folder, which etcd itself does not
    # have.
    #
    # @api private
    module Marks
      # The marks of etcdkeeper and e3w, and of APISIX.
      KNOWN = ["etcdv3_dir_$2H#%gRe3*t", "init_dir"].freeze
      # Matches values that were probably meant as an instance.
      MEANT = /[{:]/n

      module_function

      # @return [Boolean] whether an entry is such a mark and cannot be meant as an instance
      def mark?(id, value)
        bytes = value.b.strip
        folder = id.nil? || id.b.end_with?("/") || id.empty?
        KNOWN.include?(bytes) || (folder && (bytes.empty? || (!id.nil? && !bytes.match?(MEANT))))
      end
    end
  end
end
