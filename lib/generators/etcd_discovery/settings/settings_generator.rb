# frozen_string_literal: true

module EtcdDiscovery
  module Generators
    # Writes a class of settings: `rails generate etcd_discovery:settings Checkout limit:integer`.
    #
    # @api private
    class SettingsGenerator < ::Rails::Generators::NamedBase
      TYPES = %w[string integer float boolean list duration json].freeze
      EXAMPLES = { "integer" => "0", "float" => "0.0", "boolean" => "false", "list" => "[]",
                   "duration" => "1.0", "json" => "{}", "string" => '""' }.freeze
      private_constant :TYPES, :EXAMPLES

      source_root File.expand_path("templates", __dir__)

      desc "Writes app/settings/NAME_settings.rb: settings in etcd with types, defaults and rules."
      argument :fields, type: :array, default: [], banner: "field:type field:type"
      class_option :prefix, type: :string, banner: "/config/checkout/", desc: "Prefix of the keys in etcd"

      def settings
        declarations.each { |name, type| check(name, type) }
        template "settings.rb", File.join("app/settings", class_path, "#{base_name}_settings.rb")
      end

      private

      def base_name = file_name.delete_suffix("_settings")

      def settings_class = "#{class_name.delete_suffix('Settings')}Settings"

      def prefix = options[:prefix] || "/config/#{[*class_path, base_name].join('/')}/"

      def declarations
        fields.map do |field|
          name, type = field.split(":", 2)
          [name, type || "string"]
        end
      end

      def default(type) = EXAMPLES.fetch(type)

      def check(name, type)
        return if TYPES.include?(type) && name.match?(/\A[a-z_][a-z0-9_]*\z/)

        raise ::Thor::Error, "#{name}:#{type} is no valid field; write name:type, one of #{TYPES.join(', ')}"
      end
    end
  end
end
