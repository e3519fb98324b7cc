# frozen_string_literal: true

require "fileutils"
require "json"
require "tmpdir"
require_relative "samples/not_run"
require_relative "samples/rails_page"
require_relative "samples/ruby_page"
require_relative "samples/sample"
require_relative "samples/server_file"
require_relative "samples/shell_page"
require_relative "samples/test_file"
require_relative "samples/yaml_file"

module Harness
  # The code in the README and in the guides, to be run.
  #
  # A sample whose first line is a comment with a path (`# config/puma.rb`) is that file, and is loaded by the
  # program that reads it. All other Ruby samples of a page run in one process, in the order of the page; so
  # do the commands. A comment `# => value` at the end of a line is the line's result.
  module Samples
    ROOT = File.expand_path("../..", __dir__)
    PAGES = ["README.md", *Dir.glob("docs/*.md", base: ROOT).sort].freeze

    # Endpoints that stand for the reader's own etcd.
    ENDPOINT = %r{http://(?:10\.0\.0\.\d+|127\.0\.0\.1):2379}

    module_function

    def text(page) = File.read(File.join(ROOT, page), encoding: "UTF-8")

    def of(page) = Sample.all(page, text(page))

    def all = @all ||= PAGES.flat_map { |page| of(page) }
  end
end
