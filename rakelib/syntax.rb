# frozen_string_literal: true

# Finds the project's Ruby files that the running Ruby cannot parse. RuboCop does not find them: its parser
# accepts code that some patch releases of a Ruby version reject (Ruby bug 18673).
module Syntax
  NAMES = %w[**/*.{rb,rake,ru,gemspec} **/{Gemfile,Rakefile}].freeze
  # Programs have no suffix; their first line names Ruby.
  PROGRAMS = "{bench,bin,exe}/**/*"
  # Folders with generated files.
  LEFT_OUT = %r{\A(?:target|tmp|pkg|vendor|doc|coverage)/}

  module_function

  # @return [Array<String>] the paths below a folder
  def files(folder)
    programs = Dir.glob(PROGRAMS, base: folder).select { |path| program?(File.join(folder, path)) }
    (Dir.glob(NAMES, base: folder).grep_v(LEFT_OUT) + programs).uniq.sort
  end

  # @return [Array<String>] Ruby's error for each file that it cannot parse
  def errors(folder)
    files(folder).filter_map do |path|
      RubyVM::InstructionSequence.compile_file(File.join(folder, path))
      nil
    rescue SyntaxError => e
      "#{path} does not parse under Ruby #{RUBY_VERSION}:\n#{e.message}"
    end
  end

  def program?(path)
    File.extname(path).empty? && File.file?(path) && File.open(path, "rb", &:gets).to_s.match?(/\A#!.*\bruby/)
  end
end
