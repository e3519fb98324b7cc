# frozen_string_literal: true

RSpec.describe "writing on a condition" do
  let(:etcd) { start_etcd }
  let(:writer) { client(etcd, "/").tap(&:start) }

  it "with compare_and_set writes if the key has the expected value" do
    expect(writer.compare_and_set("/k", "other", "1")).to be_nil
    first = writer.compare_and_set("/k", nil, "1")
    expect(first).to eq etcd.ctl.current_revision
    expect(writer.compare_and_set("/k", nil, "2")).to be_nil
    expect(writer.compare_and_set("/k", "1", "2")).to be > first
    expect(etcd.ctl.get("/k")).to eq "2"
  end

  it "with if_revision writes and deletes if the key has not changed since" do
    first = writer.put("/k", "1", if_revision: 0)
    expect(first).to eq etcd.ctl.current_revision
    expect(writer.put("/k", "2", if_revision: 0)).to be_nil
    second = writer.put("/k", "2", if_revision: first)
    expect(writer.delete("/k", if_revision: first)).to be_nil
    expect(writer.delete("/k", if_revision: second)).to be > second
    expect(etcd.ctl.get("/k")).to be_nil
  end
end
