# frozen_string_literal: true

RSpec.describe "a prefix of 100,000 keys" do
  def deep_key(number) = "/service/region/zone/rack/host/#{number % 97}/instance/#{number}"

  def load(etcd, numbers)
    numbers.each_slice(10_000) do |slice|
      etcd.ctl.transaction(*slice.map { |number| [:put, deep_key(number), "10.1.1.60:#{number}"] })
    end
  end

  # Compares the whole copy, byte by byte, with etcdctl's answer.
  def expect_equal_to_etcdctl(reader, answer)
    copy = bytes(reader.snapshot.to_h)
    different = (copy.keys | answer.keys).reject { |key| copy[key] == answer[key] }
    expect(different.first(5)).to be_empty
  end

  it "is copied exactly, and stays exact when keys change, come and go" do
    etcd = start_etcd(flags: %w[--max-txn-ops=10000 --max-request-bytes=10000000])
    load(etcd, 0...100_000)
    reader = client(etcd, "/service/", boot_timeout: 60).tap(&:start)
    answer = etcd.ctl.read_prefix("/service/")
    expect(answer.size).to eq 100_000

    random = Random.new(2)
    keys = Array.new(1_000) { deep_key(random.rand(100_000)) } + [deep_key(0), deep_key(500)]
    expect(keys.reject { |key| reader[key] == answer.fetch(key.b) }).to be_empty
    expect_equal_to_etcdctl(reader, answer)

    revision = etcd.ctl.transaction(*(0...500).map { |n| [:del, deep_key(n)] },
                                    *(500...1_000).map { |n| [:put, deep_key(n), "changed"] },
                                    *(100_000...100_500).map { |n| [:put, deep_key(n), "new"] })
    wait_until("revision #{revision}") { reader.snapshot.revision >= revision }
    expect(reader.key?(deep_key(0))).to be false
    expect(reader[deep_key(500)]).to eq "changed"
    answer = etcd.ctl.read_prefix("/service/")
    expect(keys.reject { |key| reader[key] == answer[key.b] }).to be_empty
    expect_equal_to_etcdctl(reader, answer)
  end
end
