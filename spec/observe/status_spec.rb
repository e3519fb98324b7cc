# frozen_string_literal: true

RSpec.describe "a status" do
  it "is readable as text: times are rounded to milliseconds, without fractions of large numbers" do
    reader = client(start_etcd, "/a/").tap(&:start)
    expect(reader.status.inspect).to match(/synced_at=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? \S+ /)
    expect(reader.status.inspect).not_to match(%r{\d/\d})
  end

  it "names the watched ranges, like errors about keys that are not watched" do
    reader = client(start_etcd, "/config/", "/service/b", *(1..12).map { |n| "/flags/#{n}/" }).tap(&:start)
    expect { reader["/confg/limit"] }.to raise_error(
      EtcdDiscovery::UnwatchedKeyError,
      %r{"/confg/limit" is outside .*\(prefix "/config/", prefix "/flags/1/", .*, and 4 more\); add it}
    )
    expect(reader.status.watched).to include("/service/b")
  end
end
