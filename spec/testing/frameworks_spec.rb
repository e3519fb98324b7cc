# frozen_string_literal: true

require "json"
require "open3"
require "tmpdir"

# Test suites of an application, each in a separate process: some of their tests fail on purpose.
RSpec.describe "an application's own tests" do
  around { |example| Dir.mktmpdir { |folder| (@folder = folder) && example.run } }

  def ruby(*arguments, env: {})
    lib = File.expand_path("../../lib", __dir__)
    Open3.capture2e(env, RbConfig.ruby, "-I", lib, *arguments, chdir: @folder)
  end

  def suite(name, code) = File.join(@folder, name).tap { |path| File.write(path, code) }

  # Descriptions of the inner suite's examples, with their results.
  def rspec(code, *options)
    output, = ruby("-S", "rspec", "--options", File::NULL, "--format", "json", "--out", "result.json",
                   *options, suite("inner_spec.rb", code))
    examples = JSON.parse(File.read(File.join(@folder, "result.json"))).fetch("examples")
    examples.to_h { |example| [example["description"], example.dig("exception", "message") || "passed"] }
  rescue SystemCallError, JSON::ParserError
    raise "the inner suite did not run: #{output}"
  end

  def minitest(code, env: {})
    output, = ruby(suite("inner_test.rb", code), "--verbose", "--seed", "1", env:)
    output.scan(/^\w+Test#test_(\w+) = .* = ([.FE])$/).to_h.tap do |results|
      raise "the inner suite did not run: #{output}" if results.empty?
    end
  end

  before { File.write(File.join(@folder, "memory.rb"), <<~RUBY) }
    require "etcd_discovery"
    EtcdDiscovery.configure { |config| config.source = "memory" }
    EtcdDiscovery.put("/own", "before")
  RUBY

  it "in RSpec accept keys and values as metadata, where the nearest wins" do
    results = rspec(<<~RUBY)
      require "etcd_discovery/rspec"
      RSpec.describe "a group", etcd: { "/flag" => "on", "/limits" => { a: 1 } } do
        it("has its group's") { expect([EtcdDiscovery["/flag"], EtcdDiscovery.json("/limits")]).to eq ["on", { "a" => 1 }] }
        it("has its own too", etcd: { "/flag" => "off", "/n" => 1 }) do
          expect(EtcdDiscovery.snapshot.to_h).to eq("/flag" => "off", "/limits" => '{"a":1}', "/n" => "1")
        end
        context "nested", etcd: { "/n" => 2 } do
          it("has all") { expect(EtcdDiscovery.snapshot.keys).to eq %w[/flag /limits /n] }
          it("may say only that it wants it", :etcd) { expect(EtcdDiscovery.integer("/n")).to eq 2 }
        end
        it("names what is wrong", etcd: "on") { nil }
      end
      RSpec.describe("another") { it("has nothing") { expect(EtcdDiscovery.snapshot.to_h).to be_empty } }
    RUBY
    wrong = results.delete("names what is wrong")
    expect(wrong).to match(/etcd: String at .*inner_spec.rb:\d+, instead of a Hash/)
    expect(results.size).to eq 5
    expect(results.values).to all(eq("passed"))
  end

  # Every other example makes a mess and fails; those between see nothing of it.
  mess = <<~RUBY
    require "./memory"
    require "etcd_discovery/rspec"
    RSpec.describe "a group" do
      before { stub_etcd("/hook" => "1") }
      clean = { "/own" => "before", "/hook" => "1" }
      it("leaves a stub") { stub_etcd("/own" => "stub", "/x" => "stub") && raise("on purpose") }
      it("is clean 1") { expect(EtcdDiscovery.snapshot.to_h).to eq clean }
      it("writes") { EtcdDiscovery.put("/own", "x") && EtcdDiscovery.register("b", "c") && raise("on purpose") }
      it("is clean 2") { expect(EtcdDiscovery.snapshot.to_h).to eq clean }
      it("leaves it in a thread") { Thread.new { stub_etcd("/t" => "x") }.join && raise("on purpose") }
      it("is clean 3") { expect(EtcdDiscovery.snapshot.to_h).to eq clean }
      it("sets") { set_etcd("/own" => nil, "/y" => 1) && raise("on purpose") }
      it("is clean 4") { expect(EtcdDiscovery.snapshot.to_h).to eq clean }
      context "with a hook for all" do
        before(:all) { stub_etcd("/all" => "1") }
        it("has it 1") { EtcdDiscovery.put("/all", "2") && raise("on purpose") }
        it("has it 2") { expect(EtcdDiscovery.snapshot.to_h).to eq clean.merge("/all" => "1") }
      end
      it("is clean 5") { expect(EtcdDiscovery.snapshot.to_h).to eq clean }
    end
    RSpec.describe("another") { it("is clean 6") { expect(EtcdDiscovery.snapshot.to_h).to eq("/own" => "before") } }
  RUBY

  {
    "" => mess,
    ", also with the hooks there twice" => mess.sub('require "etcd_discovery/rspec"', <<~RUBY)
      2.times { load Gem.find_files("etcd_discovery/rspec.rb").first }
    RUBY
  }.each do |also, code|
    it "in RSpec are clean after anything that an example before left behind#{also}" do
      results = rspec(code, "--order", "defined")
      failed = ["leaves a stub", "writes", "leaves it in a thread", "sets", "has it 1"]
      expect(results.values_at(*failed)).to all(eq("on purpose"))
      expect(results.except(*failed).keys).to eq [*("is clean 1".."is clean 5"), "has it 2", "is clean 6"]
      expect(results.except(*failed).values).to all(eq("passed"))
    end
  end

  minitest_mess = <<~RUBY
    require "minitest/autorun"
    require "./memory"
    require "etcd_discovery/minitest"
    class FlagTest < Minitest::Test
      include EtcdDiscovery::Testing::Minitest
      include EtcdDiscovery::Testing::Minitest
      i_suck_and_my_tests_are_order_dependent! unless ENV["PARALLEL"]
      parallelize_me! if ENV["PARALLEL"]
      %w[a b c d e f].each do |name|
        define_method("test_\#{name}1_clean") { assert_equal({ "/own" => "before" }, EtcdDiscovery.snapshot.to_h) } unless ENV["PARALLEL"]
        define_method("test_\#{name}2_own") do
          stub_etcd("/\#{name}" => name) { assert_equal name, EtcdDiscovery["/\#{name}"] }
          stub_etcd("/\#{name}" => 1)
          set_etcd("/\#{name}" => 2)
          assert_equal 2, EtcdDiscovery.integer("/\#{name}")
          raise "on purpose" if name == "c"
        end
        define_method("test_\#{name}3_clean") { assert_nil EtcdDiscovery["/\#{name}"] }
      end
    end
  RUBY

  it "in Minitest are clean after anything that a test before left behind" do
    results = minitest(minitest_mess)
    expect(results.delete("c2_own")).to eq "E"
    expect(results.size).to eq 17
    expect(results.values).to all(eq("."))
  end

  it "in Minitest may run in parallel threads, with separate keys" do
    results = minitest(minitest_mess, env: { "PARALLEL" => "1", "N" => "4" })
    expect(results.delete("c2_own")).to eq "E"
    expect(results.size).to eq 11
    expect(results.values).to all(eq("."))
  end

  it "need not mention a client that nothing stubs: it stays with etcd" do
    etcd = start_etcd
    etcd.ctl.put("/a", "etcd's")
    results = rspec(<<~RUBY)
      require "etcd_discovery/rspec"
      EtcdDiscovery.configure { |config| config.endpoints = "#{etcd.endpoint}"; config.watch "/a" }
      RSpec.describe "a group" do
        it("reads etcd") { expect(EtcdDiscovery["/a"]).to eq "etcd's" }
      end
    RUBY
    expect(results).to eq("reads etcd" => "passed")
  end
end
