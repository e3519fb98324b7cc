# frozen_string_literal: true

require_relative "server_file"

module EtcdDiscovery
  # The generators of `rails generate`.
  #
  # @api private
  module Generators
    # Writes config/etcd_discovery.yml and an initializer, and makes the application's unicorn or puma connect
    # forked workers at once.
    #
    # An existing file keeps its content. A file that the generator does not understand stays unchanged, and
    # the generator prints what to add.
    class InstallGenerator < ::Rails::Generators::Base
      source_root File.expand_path("templates", __dir__)

      desc "Sets up EtcdDiscovery: config/etcd_discovery.yml, an initializer, and what unicorn and puma call."
      class_option :watch, type: :array, default: ["/config/"], banner: "/config/ /service/",
                           desc: "Prefixes (ending in a slash) and keys to hold"
      class_option :endpoints, type: :array, default: ["http://127.0.0.1:2379"],
                               banner: "http://10.0.0.1:2379 …", desc: "Members of etcd"

      def settings
        template "etcd_discovery.yml", "config/etcd_discovery.yml", skip: true
      end

      def initializer
        template "initializer.rb", "config/initializers/etcd_discovery.rb", skip: true
      end

      def unicorn
        server_files("unicorn").each { |path| add_to(path, UnicornFile) }
      end

      def puma
        server_files("puma").each { |path| add_to(path, PumaFile) }
      end

      # Without it no server connects at boot, and `required` has no effect.
      def rack
        path = File.join(destination_root, "config.ru")
        return if !File.exist?(path) || File.read(path).include?("load_server")

        by_hand("config.ru", "Rails.application.load_server", "at its end")
      end

      private

      # Includes one file per environment, as Capistrano uses.
      def server_files(name)
        Dir.glob(["config/#{name}.rb", "config/#{name}/*.rb"], base: destination_root).sort
      end

      def add_to(path, kind)
        full = File.join(destination_root, path)
        file = kind.new(File.read(full))
        return by_hand(path, kind::LINE, "and take it out") if behavior == :revoke
        return say_status(:identical, path, :blue) if file.done?

        completed = file.completed or return by_hand(path, kind::LINE, kind::PLACE)
        File.write(full, completed) unless options[:pretend]
        say_status(:insert, "#{path}: #{kind::LINE}", :green)
      end

      def by_hand(path, line, place)
        say_status(:"by hand", "#{path}: #{line} (#{place})", :yellow)
      end
    end
  end
end
