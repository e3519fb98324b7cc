# frozen_string_literal: true

module Field
  # A median more times that of the plain set-up needs a reason.
  LIMIT = 3

  # Why some set-ups take longer, and how many times at most by that.
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
  COMPARED = <<~TEXT.tr("\n", " ").strip
    a user whose role covers just several prefixes, where etcd's progress answers may be too early (3.4.23), or
    where etcd tells its version to root only (3.5.28 and later): before a change of one prefix is shown, the
    others are read, and between two such reads is a pause of twenty times what one takes. See
    [performance.md](performance.md).
  TEXT

  # A user who may read the ranges, and not what lies between them.
  NARROW = %w[ordinary certificate].freeze
  DIVIDED = ->(one) { NARROW.include?(one.user) && one.watch == "prefixes" }

  REASONS = [
    Reason.new(COPIED, 100, ->(one) { one.values == "huge" }),
    Reason.new(LISTED, 60, ->(one) { one.way == "grpc-proxy" && DIVIDED.call(one) }),
    Reason.new(COMPARED, 30, ->(one) { one.etcd != "3.6" && DIVIDED.call(one) })
  ].freeze
end
