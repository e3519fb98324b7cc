# frozen_string_literal: true

require "open3"
require_relative "../../rakelib/descriptors"

RSpec.describe Descriptors do
  let(:locked_version) do
    lock = File.read(File.expand_path("../../Cargo.lock", __dir__))
    lock[/name = "etcd-client"\nversion = "(.+)"/, 1]
  end

  def hand_out(version, *arguments)
    crate = { "CARGO_PKG_NAME" => "etcd-client", "CARGO_PKG_VERSION" => version }
    Open3.capture2e(crate, File.join(described_class::FOLDER, "protoc"), *arguments)
  end

  it "are those of the etcd-client in Cargo.lock" do
    expect(Dir[described_class.path("*")]).to eq [described_class.path(locked_version)]
  end

  it "are written as protoc would write them" do
    Dir.mktmpdir do |folder|
      target = File.join(folder, "set")
      _output, status = hand_out(locked_version, "--include_imports", "-o", target, "-I", "proto", "a.proto")
      expect(status).to be_success
      expect(File.binread(target)).to eq File.binread(described_class.path(locked_version))
    end
  end

  it "are refused for another version of etcd-client, with what to do" do
    output, status = hand_out("999.0.0", "-o", "/nonexistent/set")
    expect(status).not_to be_success
    expect(output).to include "no descriptors for etcd-client 999.0.0", "rake proto"
  end
end
