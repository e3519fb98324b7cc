# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # Other code under the name of this gem. The gem etcd-discovery (with a hyphen) defines the same constant.
    #
    # @api private
    class GemsCheck < Check
      check_name :gems
      OTHER = "etcd-discovery"
      OURS = "etcd_discovery.rb"
      ADVICE = "remove it from the Gemfile, or from the load path"

      def findings
        others = loaded + doubles + locked
        return others.uniq.map { |what| wrong(what, advice: ADVICE) } if others.any?
        return [doubtful("the gem #{OTHER} (with a hyphen) is installed", advice: ADVICE)] if installed?

        [fine("#{VERSION} on Ruby #{RUBY_VERSION}, and no other gem of this name")]
      end

      private

      def loaded
        folders = load_path.select { |folder| File.file?(File.join(folder, "#{OTHER}.rb")) }
        folders.map { |folder| "the gem #{OTHER} (with a hyphen) is on the load path: #{folder}" }
      end

      # Whichever comes first is the one that `require` finds.
      def doubles
        own = File.realpath(File.expand_path("../..", __dir__))
        folders = load_path.select { |folder| File.file?(File.join(folder, OURS)) }
        folders = folders.reject { |folder| File.realpath(folder) == own }
        folders.map { |folder| "another #{OURS} is on the load path: #{folder}" }
      end

      def locked
        lock = File.join(context.folder, "Gemfile.lock")
        return [] unless File.readable?(lock) && File.read(lock).match?(/^ {4}#{OTHER} \(/)

        ["the gem #{OTHER} (with a hyphen) is in #{lock}"]
      end

      def installed? = Gem::Specification.stubs_for(OTHER).any?

      def load_path = $LOAD_PATH.map(&:to_s)
    end
  end
end
