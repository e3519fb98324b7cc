# frozen_string_literal: true

module EtcdDiscovery
  class Doctor
    # What is known of versions of etcd.
    #
    # @api private
    module KnownDefects
      OLDEST = Gem::Version.new("3.4")
      # The progress defect (etcd#15220) is fixed from these on.
      PROGRESS = { "3.4" => "3.4.25", "3.5" => "3.5.8" }.freeze

      module_function

      # @param version [String]
      # @return [Array(Symbol, String, String)] level, message, advice
      def verdict(version)
        number = Gem::Version.new(version.sub(/\+.*/, ""))
        return [:wrong, "etcd #{version} is too old", "use etcd 3.4 or later"] if number < OLDEST

        fixed = PROGRESS[number.segments.first(2).join(".")]
        return [:fine, "etcd #{version}", nil] unless fixed && number < Gem::Version.new(fixed)

        [:doubtful, "etcd #{version} may answer progress requests too early (etcd#15220); the gem works " \
                    "around it, and changes of several prefixes arrive later",
         "update etcd to #{fixed} or later"]
      rescue ArgumentError
        [:doubtful, "etcd says that its version is #{version.inspect}", nil]
      end
    end
  end
end
