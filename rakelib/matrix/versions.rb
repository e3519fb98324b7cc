# frozen_string_literal: true

module Matrix
  # Finds the versions that an environment really has.
  module Versions
    # The Debian packages to list, with the usual name of each.
    PACKAGES = { "ruby-railties" => "Rails", "ruby-rack" => "Rack", "puma" => "puma",
                 "unicorn" => "unicorn", "passenger" => "Passenger", "ruby-sidekiq" => "Sidekiq",
                 "ruby-flipper" => "Flipper" }.freeze

    # A shell script whose output `parse` reads.
    QUERY = <<~'SH'
      ruby -e 'puts "ruby #{RUBY_VERSION}"'
      "${ETCD_BIN:-etcd}" --version | sed -n 's/^etcd Version: */etcd /p'
      dpkg-query --show --showformat '${db:Status-Status} ${Package} ${Version}\n' |
        sed -n 's/^installed //p'
    SH

    module_function

    # @param text [String] lines of a name and a version
    # @return [String] such as "Ruby 3.3.8, Rails 7.2.2.2, puma 6.6.0, etcd 3.5.16"
    def parse(text)
      found = text.lines.to_h { |line| line.split(" ", 2).map(&:strip) }
      named = { "ruby" => "Ruby", **PACKAGES, "etcd" => "etcd" }
      # The package `ruby` has the version of Debian's default Ruby, which may not be the one that runs.
      found["ruby"] = text[/^ruby (\S+)/, 1]
      named.filter_map { |key, name| "#{name} #{upstream(found[key])}" if found[key] }.join(", ")
    end

    # Debian's version without its epoch, its revision, and suffixes about the origin of the sources.
    def upstream(version)
      version.sub(/\A\d+:/, "").sub(/-[^-]*\z/, "").sub(/[+~](?:dfsg|ds|git|really).*\z/, "")
    end
  end
end
