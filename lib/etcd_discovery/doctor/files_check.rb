# frozen_string_literal: true

require "openssl"
require_relative "finding"

module EtcdDiscovery
  class Doctor
    # The files that the settings name: whether they can be read, what they hold, and who else may read the
    # key.
    #
    # @api private
    class FilesCheck < Check
      check_name :files
      # The setting of each file, and what it holds.
      FILES = { ca_file: "CERTIFICATE", cert_file: "CERTIFICATE", key_file: "PRIVATE KEY" }.freeze
      # Who but the owner may read or change it.
      OTHERS = 0o077

      def findings
        found = FILES.filter_map { |name, kind| look(name, kind) if config.get(name) } + pair
        context.broken_files = found.any? { |finding| finding.level == :wrong }
        found
      end

      # @param facts [Hash{Symbol => Object}] `problem`, `kind` and `holds` of a file
      # @return [Array(Symbol, String, String)] level, message, advice
      def self.verdict(name, facts)
        setting = "check #{name}"
        return [:wrong, facts[:problem], "#{setting}, and who may read the file"] if facts[:problem]
        return [:wrong, "it holds no #{facts[:kind]} in PEM", setting] unless facts[:holds]
        return [:doubtful, "others may read it (mode #{facts[:mode]})", "chmod 600"] if facts[:open]

        [:fine, "readable, mode #{facts[:mode]}", nil]
      end

      private

      def look(name, kind)
        path = config.get(name)
        level, message, advice = self.class.verdict(name, facts(path, kind))
        finding(level, message, advice:, subject: "#{name} #{path}")
      end

      def facts(path, kind)
        mode = File.stat(path).mode & 0o777
        { kind:, holds: File.read(path).include?("#{kind}-----"), mode: mode.to_s(8),
          open: kind == "PRIVATE KEY" && mode.anybits?(OTHERS) }
      rescue SystemCallError => e
        { problem: e.class.new.message }
      end

      def pair
        files = config.get(:cert_file), config.get(:key_file)
        return [] if files.any?(&:nil?)

        certificate = OpenSSL::X509::Certificate.new(File.read(files.first))
        return [] if certificate.check_private_key(OpenSSL::PKey.read(File.read(files.last), ""))

        [wrong("certificate and key do not belong together", subject: "cert_file and key_file")]
      rescue SystemCallError, OpenSSL::OpenSSLError
        [] # said above, or of a kind that Ruby's OpenSSL does not know
      end
    end
  end
end
