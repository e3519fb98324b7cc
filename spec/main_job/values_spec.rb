# frozen_string_literal: true

require "securerandom"

RSpec.describe "a value" do
  before(:context) { @etcd = start_etcd }

  let(:etcd) { @etcd }
  let(:prefix) { "/#{SecureRandom.hex(4)}/" }

  {
    "that is not UTF-8" => "caf\xE9 \xFF\xFE".b,
    "that is UTF-8" => "café ☕",
    "that is empty" => "",
    "that holds NUL bytes" => "\0before\0after\0",
    "that looks like a flag" => "--user=root",
    "of 1.4 MiB" => Random.new(1).bytes((1.4 * 1024 * 1024).to_i)
  }.each do |description, value|
    encoding = value.dup.force_encoding(Encoding::UTF_8).valid_encoding? ? Encoding::UTF_8 : Encoding::BINARY

    it "#{description} is read exactly as written, whether it was listed or watched" do
      reader = client(etcd, prefix)
      etcd.ctl.put("#{prefix}listed", value)
      reader.start
      etcd.ctl.put("#{prefix}watched", value)
      wait_until("the watched value") { reader.key?("#{prefix}watched") }

      %w[listed watched].map { |name| reader["#{prefix}#{name}"] }.each do |read|
        expect(read.b == value.b).to be true # not `eq`, which would print 1.4 MiB of difference
        expect(read.encoding).to eq encoding
        expect(read).to be_frozen
      end
    end

    it "#{description} is written exactly as given" do
      client(etcd, prefix).put("#{prefix}written", value)
      expect(etcd.ctl.get("#{prefix}written") == value.b).to be true
    end
  end

  it "is found under a key that is not UTF-8, or contains a NUL byte" do
    keys = ["#{prefix}caf\xE9".b, "#{prefix}a\0b", "#{prefix}☕"]
    reader = client(etcd, prefix).tap(&:start)
    keys.each { |key| reader.put(key, "under #{key.b.inspect}") }
    wait_until("all keys") { reader.snapshot.size == keys.size }
    expect(keys.map { |key| reader[key] }).to eq(keys.map { |key| "under #{key.b.inspect}" })
    expect(bytes(reader.snapshot.to_h)).to eq etcd.ctl.read_prefix(prefix)
  end
end
