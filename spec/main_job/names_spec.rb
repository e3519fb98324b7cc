# frozen_string_literal: true

RSpec.describe "a host name under localhost" do
  it "needs no name server, as RFC 6761 has it" do
    etcd = start_etcd
    etcd.ctl.put("/service/b", "value")
    reader = client("http://etcd.localhost:#{etcd.port}", "/service/")
    expect(reader["/service/b"]).to eq "value"
  end
end
