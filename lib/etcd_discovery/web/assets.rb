# frozen_string_literal: true

module EtcdDiscovery
  class Web
    # The stylesheet and the script, read once.
    #
    # @api private
    module Assets
      TYPES = { "app.css" => "text/css; charset=utf-8", "app.js" => "text/javascript; charset=utf-8",
                "icon.svg" => "image/svg+xml" }.freeze
      FILES = TYPES.to_h do |name, type|
        ["/assets/#{name}", [type, File.read(File.join(__dir__, "assets", name),
                                             encoding: "UTF-8").freeze].freeze]
      end
                   .freeze
    end
  end
end
