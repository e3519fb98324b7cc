# frozen_string_literal: true

require "open3"

RSpec.describe "the other gem of this name" do
  library = File.expand_path("../../lib", __dir__)

  it "is noticed if it was loaded before, and the error says what to do" do
    script = 'module EtcdDiscovery; class Host; end; end; require "etcd_discovery"'
    output, status = Open3.capture2e("ruby", "-I", library, "-e", script)
    expect(status).not_to be_success
    expect(output).to include("etcd-discovery (with a hyphen").and include("LoadError").and include("Gemfile")
  end

  it "is noticed if it is in the bundle and not loaded yet" do
    script = 'Gem.loaded_specs["etcd-discovery"] = Gem::Specification.new; require "etcd_discovery"'
    output, status = Open3.capture2e("ruby", "-I", library, "-e", script)
    expect(status).not_to be_success
    expect(output).to include("etcd-discovery (with a hyphen")
  end
end
