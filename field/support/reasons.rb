# frozen_string_literal: true

module Field
  # The ratio to the plain set-up's median above which a set-up needs a reason.
  LIMIT = 3

  # A reason why some set-ups take longer, and the highest ratio that it explains.
  Reason = Struct.new(:text, :up_to, :applies) do
    def explains?(set_up, ratio) = applies.call(set_up) && ratio <= up_to
  end

  COPIED = <<~TEXT.tr("\n", " ").strip
    etcd writes each value of 1 MiB to its log, and the value is copied to every reader, through TLS and proxies
    where there are some.
  TEXT
  LISTED = <<~TEXT.tr("\n", " ").strip
    through `etcd grpc-proxy` a user whose role covers just several prefixes gets a full listing for each change:
    see [grpc-proxy.md](grpc-proxy.md).
  TEXT

  ASKED = <<~TEXT.tr("\n", " ").strip
    a user whose role covers just several prefixes, with an etcd whose progress answers may come too early (3.4.23):
    before a change of one prefix is shown, the gem sends etcd 16 requests at once, which takes longer on a busy
    machine. See [performance.md](performance.md).
  TEXT

  # The users who may read the ranges, but not the keys between them.
  NARROW = %w[ordinary certificate].freeze
  DIVIDED = ->(one) { NARROW.include?(one.user) && one.watch == "prefixes" }

  REASONS = [
    Reason.new(COPIED, 100, ->(one) { one.values == "huge" }),
    Reason.new(LISTED, 60, ->(one) { one.way == "grpc-proxy" && DIVIDED.call(one) }),
    Reason.new(ASKED, 8, ->(one) { one.etcd == "3.4" && DIVIDED.call(one) })
  ].freeze
end
