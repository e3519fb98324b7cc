# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # What is shown at each address.
    #
    # @api private
    module Pages
      # Something cannot be shown, or was refused.
      #
      # @api private
      class Error < Page
        # The status and the explanation of an error of the library.
        KINDS = {
          UnwatchedKeyError => [404, :unwatched], CompactedError => [410, :compacted],
          PermissionError => [403, :forbidden_by_etcd], AuthenticationError => [503, :etcd_away],
          InvalidRequestError => [422, :invalid_request], ConflictError => [409, :conflict],
          ConnectionError => [503, :etcd_away],
          EtcdDiscovery::Error => [503, :trouble]
        }.freeze
        private_constant :KINDS

        # @return [Array(Integer, Symbol)]
        def self.of(error) = KINDS.find { |kind, _| error.is_a?(kind) }.last

        attr_reader :status

        # @param details [String, nil] what the library says about it
        def initialize(web, request, status, reason, details = nil)
          super(web, request)
          @status = status
          @reason = reason
          @details = details
        end

        private

        def title = t(:"error_#{@reason}")

        def content
          h.h1(title)
          h.p(t(:"error_#{@reason}_advice"))
          h.pre(@details, class: "value") if @details
          h.p { h.a(t(:to_overview), href: url("/")) }
        end
      end
    end
  end
end
