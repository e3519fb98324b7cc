# frozen_string_literal: true

# Ruby runs at_exit blocks in reverse order, and some libraries do all their work in one.
RSpec.describe "a registration at the end of its process" do
  let(:etcd) { start_etcd }
  let(:folder) { Dir.mktmpdir("exit-") }
  let(:register) { 'EtcdDiscovery.register("b", "10.0.0.1:1", id: "it", ttl: 60).wait(timeout: 30)' }
  let(:serve) { 'sleep 0.05 until EtcdDiscovery["/service/go"]' }

  def announced = etcd.ctl.read_prefix("/service/").keys

  def process(before, code)
    source = <<~RUBY
      #{before}
      require "etcd_discovery"
      EtcdDiscovery.configure { |config| config.endpoints = ENV["ENDPOINTS"]; config.watch "/service/" }
      #{code}
    RUBY
    # The harness loads the gem first; this needs it last.
    file = File.join(folder, "program.rb")
    File.write(file, source)
    lib = File.expand_path("../../lib", __dir__)
    Harness::ChildProcess.new(RbConfig.ruby, "-I", lib, file, env: { "ENDPOINTS" => etcd.endpoint },
                                                              log: File.join(folder, "log"))
  end

  after { FileUtils.rm_rf(folder) }

  def log = File.read(File.join(folder, "log"))

  # The key exists while the process serves, and is gone when it has ended.
  def expect_to_stand_while_it_serves(process)
    expect_soon("the registration, while it serves") { log.include?("serving") && announced.any? }
    etcd.ctl.put("/service/go", "on")
    expect(process.wait).to be_success, log
    expect(announced).to eq ["/service/go"]
  ensure
    process.kill9
  end

  it "stays while an at_exit block from before the gem serves, and is withdrawn after it" do
    expect_to_stand_while_it_serves(
      process("at_exit { puts 'serving'; $stdout.flush; #{serve} }", register)
    )
  end

  it "stays while an at_exit block from after the gem serves, and is withdrawn after it" do
    expect_to_stand_while_it_serves(
      process("", "#{register}\nat_exit { puts 'serving'; $stdout.flush; #{serve} }")
    )
  end

  it "is withdrawn even if it was made in an at_exit block" do
    expect_to_stand_while_it_serves(
      process("at_exit { #{register}; puts 'serving'; $stdout.flush; #{serve} }", "")
    )
  end

  it "is withdrawn even if nothing holds its client, and the exit status stays" do
    process = process("", <<~RUBY)
      client = EtcdDiscovery::Client.new(endpoints: ENV["ENDPOINTS"])
      client.register("b", "10.0.0.1:1", id: "it", ttl: 60).wait(timeout: 30)
      client = nil
      GC.start
      puts "serving"
      exit 3
    RUBY
    expect(process.wait.exitstatus).to eq 3
    expect(log).to include "serving"
    expect(announced).to be_empty
  end

  it "is withdrawn when a signal or an exception ends the process" do
    process = process("", "#{register}; puts 'serving'; $stdout.flush; sleep")
    expect_soon("the registration") { announced.any? && log.include?("serving") }
    process.signal(:TERM)
    expect(process.wait.termsig).to eq Signal.list["TERM"]
    expect(announced).to be_empty
    expect(process("", "#{register}; raise 'the end'").wait.exitstatus).to eq 1
    expect(announced).to be_empty
  end

  it "delays the end of the process for about a second if etcd is away" do
    proxy = start_proxy(etcd)
    process = process("", <<~RUBY)
      EtcdDiscovery.configure { |config| config.endpoints = #{proxy.endpoint.inspect} }
      #{register}; puts "serving"; $stdout.flush; sleep
    RUBY
    expect_soon("the registration") { announced.any? && log.include?("serving") }
    proxy.half_open
    process.signal(:TERM)
    began = Harness.now
    process.wait
    expect(Harness.now - began).to be < 10
  end
end
