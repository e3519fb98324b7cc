# frozen_string_literal: true

require_relative "finding"

module EtcdDiscovery
  class Doctor
    # The copy on disk (`cache_path`): whether this user can write it, and reads their own.
    #
    # @api private
    class DiskCopyCheck < Check
      check_name :disk_copy

      def findings
        path = config.get(:cache_path) or return []

        level, message, advice = self.class.verdict(facts(File.expand_path(path)))
        [finding(level, message, advice:, subject: path)]
      end

      # @param facts [Hash{Symbol => Object}]
      # @return [Array(Symbol, String, String)] level, message, advice
      def self.verdict(facts)
        folder, user = facts.values_at(:folder, :user)
        return [:wrong, "there is no folder #{folder}", "create it, for #{user}"] unless facts[:exists]

        if facts[:owner] && facts[:owner] != user
          return [:wrong, "the file belongs to #{facts[:owner]}, and this process runs as #{user}",
                  "delete the file, or run this as #{facts[:owner]}"]
        end
        unless facts[:writable]
          return [:wrong, "#{user} may not write to the folder #{folder}", "chown or chmod the folder"]
        end

        [:fine, facts[:owner] ? "present, written #{facts[:age]} s ago" : "not written yet", nil]
      end

      private

      def facts(path)
        folder = File.dirname(path)
        file = File.stat(path) if File.exist?(path)
        { folder:, exists: File.directory?(folder), writable: File.writable?(folder),
          user: user(Process.euid),
          owner: file && user(file.uid), age: file && (Time.now - file.mtime).round }
      end

      def user(uid)
        require "etc"
        Etc.getpwuid(uid)&.name || "user #{uid}"
      rescue ArgumentError
        "user #{uid}"
      end
    end
  end
end
