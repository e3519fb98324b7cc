# frozen_string_literal: true

require "open3"

desc "Run all checks"
task check: %w[check:syntax check:fmt check:shape check:clippy check:doc check:rubocop check:yard check:sig]

namespace :check do
  desc "Every Ruby file parses under the running Ruby"
  task :syntax do
    require_relative "syntax"
    errors = Syntax.errors(".")
    abort errors.join("\n") if errors.any?
  end

  desc "Rust is formatted"
  task(:fmt) { sh "cargo", "fmt", "--all", "--check" }

  desc "The Rust modules import in no circle, no source file is too long, and machines know no I/O"
  task :shape do
    require_relative "shape"
    errors = Shape.errors(".")
    abort errors.join("\n") if errors.any?
  end

  desc "Clippy finds nothing"
  task :clippy do
    sh "cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"
  end

  # This documentation is for people who work on the crates, so it includes private items.
  desc "The Rust documentation builds without a warning"
  task :doc do
    flags = "--deny warnings --allow rustdoc::private_intra_doc_links"
    sh({ "RUSTDOCFLAGS" => flags },
       "cargo", "doc", "--workspace", "--no-deps", "--locked", "--document-private-items")
  end

  desc "RuboCop finds nothing"
  task(:rubocop) { sh "rubocop" }

  desc "Every public name is documented, and the documentation builds without a warning"
  task :yard do
    report, status = Open3.capture2e("yard", "doc", "--fail-on-warning", "--no-cache", "--no-progress")
    puts report
    abort "YARD reported warnings." unless status.success?
    next if report.include?("100.00% documented")

    sh "yard", "stats", "--list-undoc"
    abort "Public names without documentation are listed above."
  end

  desc "The signatures in sig/ are valid, cover the public API, and hold for the calls that specs make"
  task sig: :compile do
    ruby "rakelib/signatures.rb"
    ruby "rakelib/signatures/calls.rb"
  end
end
