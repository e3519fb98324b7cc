# frozen_string_literal: true

# A call of every public method of the gem. A method without one is an error, so that a new one cannot be
# forgotten.
#
#     connect "/service/"
#     PublicApi.calls # => { "EtcdDiscovery.start" => -> { … }, "EtcdDiscovery::Client#put" => -> { … }, … }
module PublicApi
  # Methods that end something come last.
  ENDS = %w[EtcdDiscovery::Client#stop EtcdDiscovery.configure EtcdDiscovery.stop].freeze
  LIB = File.expand_path("../../../lib", __dir__)
  KEY = "/service/b"
  INSTANCE = EtcdDiscovery::Instance.new(service: "b", id: "t", address: "10.0.0.1:1")

  class << self
    def calls
      made = %w[Client Configuration Health Instance Middleware::Pin]
      names = methods_by_name.keys + made.map { |name| "EtcdDiscovery::#{name}.new" }
      names.sort_by { |name| [ENDS.index(name) || -1, name] }.to_h { |name| [name, call_of(name)] }
    end

    private

    def call_of(name)
      type, kind, method = name.partition(/[.#]/)
      receiver = kind == "#" ? subject(type) : Object.const_get(type)
      with = ARGUMENTS[name] || ARGUMENTS[kind + method]
      return -> { with.call(receiver, method) } if with

      needed = methods_by_name.fetch(name).arity
      raise "#{name} takes arguments: write a call of it in public_api/" unless [0, -1].include?(needed)

      -> { receiver.public_send(method) }
    end

    def subject(type) = SUBJECTS.fetch(type.delete_prefix("EtcdDiscovery::")).call

    def methods_by_name
      shown = modules(EtcdDiscovery).reject { |one| hidden?(one) }
      @methods_by_name ||= shown.flat_map { |one| methods_of(one) }.to_h
    end

    def methods_of(one)
      own = one.singleton_methods(false).map { |name| ["#{one}.#{name}", one.method(name)] }
      own += one.public_instance_methods(false).map { |name| ["#{one}##{name}", one.instance_method(name)] }
      own.reject { |name, method| name.match?(/[.#]native_/) || private_api?(method.source_location) }
    end

    def modules(within, found = [])
      return found if found.include?(within)

      found << within
      values = within.constants(false).map { |name| within.const_get(name) }
      values.grep(Module).each { |one| modules(one, found) if one.name.to_s.start_with?("EtcdDiscovery") }
      found
    end

    def hidden?(one)
      return true if one <= Exception || one <= Struct
      # The page is for servers, which call it in a thread.
      return true if one.name.start_with?("EtcdDiscovery::Web")

      parts = one.name.split("::")
      parts.each_index.any? { |last| private_api?(Object.const_source_location(parts[0..last].join("::"))) }
    end

    # Whether the comment above says `@api private`.
    def private_api?(place)
      file, line = place
      return false unless file&.start_with?(LIB) && line.positive?

      above = File.readlines(file).first(line - 1).reverse.take_while { |text| text.match?(/\A\s*#/) }
      above.any? { |text| text.include?("@api private") }
    end
  end
end

require_relative "public_api/subjects"
require_relative "public_api/arguments"
