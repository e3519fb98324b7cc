# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # Whether a write may go on. A page of another site can make a browser send a form here, with its cookies:
    # it cannot know the token, and the browser tells its origin.
    #
    # @api private
    module Guard
      class << self
        # @return [Symbol, nil] why the write is refused
        def refusal(web, request)
          return :read_only unless web.write
          return :foreign_origin unless own_origin?(request)

          :no_token unless token?(request)
        end

        private

        def own_origin?(request)
          given = request.env["HTTP_ORIGIN"].to_s
          !given.empty? && request.origin_of(given) == request.origin
        end

        def token?(request)
          known = request.known_token
          !known.nil? && Rack::Utils.secure_compare(known, request.form("token"))
        end
      end
    end
  end
end
