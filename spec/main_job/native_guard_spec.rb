# frozen_string_literal: true

# A panic that leaves the library becomes Ruby's `fatal`, which no `rescue` catches: it ends the process.
RSpec.describe "the native methods" do
  sources = Dir[File.expand_path("../../ext/src/**/*.rs", __dir__)].to_h { |path| [path, File.read(path)] }

  # From `class.define_method("name", method!(function, arity))`: the name, the function and the file.
  defined = sources.flat_map do |path, text|
    text.scan(/define_\w*method\(\s*"([^"]+)",\s*(?:method|function)!\(([^,]+),/)
        .map { |name, function| [name, function, path] }
  end

  # The body of `function`, named in the file at `path`.
  body = lambda do |function, path|
    *scope, name = function.delete_prefix("crate::").split("::")
    indent = scope.any? && scope.last.match?(/\A[A-Z]/) ? "    " : ""
    path = File.join(File.dirname(path), "#{scope.first}.rs") if scope.any? && indent.empty?
    sources.fetch(path)[/^#{indent}(?:pub\(crate\) )?fn #{name}\b.*?^#{indent}\}$/m]
  end

  # The reads are bare C functions, guarded by `find`.
  bare = sources.values.join.scan(/c"([^"]+)"(?:\.as_ptr\(\), Some|, typed::)/).flatten.uniq

  it "are all behind the guard that turns a panic into an InternalError" do
    unguarded = defined.reject { |_, function, path| body.call(function, path)&.include?(" guarded(ruby, ") }
    expect(defined.size).to be > 50
    expect(unguarded).to be_empty
    expect(sources.values.join).to match(/unsafe fn find.*?guarded\(&ruby, /m)
  end

  it "are all found by the example above" do
    constants = EtcdDiscovery.constants.map { |name| EtcdDiscovery.const_get(name) }
    hidden = %i[Waker SubscriptionIndex].map { |name| EtcdDiscovery.send(:const_get, name) }
    modules = [EtcdDiscovery, *hidden, *constants.grep(Module)]
    methods = modules.flat_map { |object| [object, object.singleton_class] }.flat_map do |owner|
      names = owner.instance_methods(false) + owner.private_instance_methods(false)
      names.map { |name| owner.instance_method(name) }
    end
    natives = methods.select { |method| method.source_location.nil? }.map { |method| method.name.to_s }
    names = natives.uniq - %w[allocate new members inspect keyword_init?]
    expect(names - defined.map(&:first) - bare).to be_empty
    expect(names.size).to be > 50
  end

  it "answer every odd number with an ordinary error or none, and the process continues" do
    process = ruby_process(<<~'RUBY')
      client = EtcdDiscovery::Client.new(source: "memory")
      client.put("/b", "1")
      registration = client.register("/service/a", "10.0.0.1:80")
      odd = [-1, -0.1, 0, 1e-320, 1e20, 1e308, Float::INFINITY, -Float::INFINITY, Float::NAN, 2**70, nil, "1", :a]
      calls = {
        "wait" => ->(number) { registration.wait(timeout: number) },
        "deregister" => ->(number) { registration.deregister(timeout: number) },
        "start" => ->(number) { client.start(timeout: number) },
        "wait_for" => ->(number) { client.wait_for("/b", timeout: number) },
        "wait_for_revision" => ->(number) { client.wait_for_revision(1, timeout: number) },
        "put if" => ->(number) { client.put("/c", "1", if_revision: number) }
      }
      found = calls.flat_map do |name, call|
        odd.filter_map do |number|
          call.call(number)
          nil
        rescue EtcdDiscovery::InternalError => e
          "#{name} #{number.inspect}: #{e.message}"
        rescue StandardError
          nil
        end
      end
      report found
    RUBY
    expect(process.heard).to eq []
  end

  it "treat a past deadline as past, and an endless timeout as endless" do
    offline = EtcdDiscovery::Client.new(source: "memory")
    expect { offline.wait_for("/a", timeout: -0.1) }.to raise_error(EtcdDiscovery::TimeoutError)
    waiting = Thread.new { offline.wait_for("/a", timeout: Float::INFINITY) }
    wait_until("the thread to wait") { waiting.stop? }
    offline.put("/a", "1")
    expect(waiting.value).to eq "1"
    expect { offline.wait_for_revision(99, timeout: Float::NAN) }.to raise_error(ArgumentError, /NaN/)
  end
end
