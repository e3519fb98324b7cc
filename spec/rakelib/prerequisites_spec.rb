# frozen_string_literal: true

require "tmpdir"
require_relative "../../ext/0_preflight/prerequisites"

RSpec.describe Prerequisites do
  around do |example|
    before = ENV.to_h
    example.run
  ensure
    ENV.replace(before)
  end

  it "finds nothing missing where this suite was compiled" do
    expect(described_class.message).to be_nil
  end

  it "runs before Cargo, also in a RubyGems that sorts the extensions" do
    extensions = Gem::Specification.load(File.expand_path("../../etcd_discovery.gemspec", __dir__)).extensions
    expect(extensions).to eq extensions.sort
    expect(extensions.first).to end_with "preflight/extconf.rb"
  end

  it "finds a libclang that lacks clang's own headers" do
    stub_const("Libclang::SHARED_HEADERS", [])
    Dir.mktmpdir do |folder|
      ENV.update("LIBCLANG_PATH" => folder, "PATH" => folder)
      FileUtils.touch(File.join(folder, "libclang.so"))
      expect(Libclang.fault).to eq "#{folder}/libclang.so lacks clang's own headers, such as stdarg.h"

      ENV["BINDGEN_EXTRA_CLANG_ARGS"] = "-I/somewhere"
      expect(Libclang.fault).to be_nil
    end
  end

  it "does not take a library of clang's C++ interface for libclang" do
    Dir.mktmpdir do |folder|
      ENV.update("LIBCLANG_PATH" => folder, "PATH" => folder)
      FileUtils.touch(File.join(folder, "libclang-cpp.so.14"))
      expect(Libclang.fault).to eq "libclang is missing from LIBCLANG_PATH (#{folder})"
    end
  end
end
