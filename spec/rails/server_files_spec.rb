# frozen_string_literal: true

require_relative "../../lib/generators/etcd_discovery/install/server_file"

RSpec.describe "the generator" do
  def unicorn(text) = EtcdDiscovery::Generators::UnicornFile.new(text)

  def puma(text) = EtcdDiscovery::Generators::PumaFile.new(text)

  it "puts unicorn's hook first into the application's own after_fork block, however it is written" do
    expect(unicorn("after_fork do |server, worker|\n  own\nend\n").completed)
      .to eq "after_fork do |server, worker|\n  EtcdDiscovery.after_fork\n  own\nend\n"
    expect(unicorn("if x\n  after_fork {|s, w| # why\n    own\n  }\nend\n").completed)
      .to eq "if x\n  after_fork {|s, w| # why\n    EtcdDiscovery.after_fork\n    own\n  }\nend\n"
    expect(unicorn("after_fork do\nend\n").completed).to eq "after_fork do\n  EtcdDiscovery.after_fork\nend\n"
  end

  it "adds a block if there is none, and is not misled by a comment or another name" do
    block = "\nafter_fork do |_server, _worker|\n  EtcdDiscovery.after_fork\nend\n"
    ["", "# after_fork do |server, worker|\n", "before_fork { |s, w| after_fork_is_later }\n"].each do |text|
      expect(unicorn(text).completed).to eq text + block
    end
    expect(unicorn("timeout 30").completed).to eq "timeout 30\n#{block}"
  end

  it "leaves a file unchanged that it does not understand" do
    [
      "after_fork { |s, w| own }\n", "after_fork(&hook)\n", "after_fork lambda { |s, w|\n}\n",
      "after_fork do |s, w| own\nend\n", "timeout 30\n__END__\nnotes\n", "after_fork do\n", "timeout ((\n",
      "after_fork do |s, w|\nend\nafter_fork do |s, w|\nend\n", "Other.after_fork do |s, w|\nend\n"
    ].each { |text| expect(unicorn(text).completed).to be_nil, text }
    ["timeout ((\n", "threads 1\n__END__\n"].each { |text| expect(puma(text).completed).to be_nil, text }
  end

  it "adds puma's plugin at the end" do
    expect(puma("plugin :tmp_restart").completed).to eq "plugin :tmp_restart\n\nplugin :etcd_discovery\n"
  end

  it "changes nothing if the hook is there already, even if a person added it" do
    expect(unicorn("after_fork { |s, w| EtcdDiscovery.after_fork }")).to be_done
    expect(unicorn("# EtcdDiscovery.after_fork\n")).not_to be_done
    ["plugin :etcd_discovery", "plugin 'etcd_discovery'\n", "plugin(:etcd_discovery)"].each do |text|
      expect(puma(text)).to be_done, text
    end
    expect(puma("# plugin :etcd_discovery")).not_to be_done
  end
end
