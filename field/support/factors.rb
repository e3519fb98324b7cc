# frozen_string_literal: true

# Checks the promises of freshness, exactness and speed on a table of set-ups that people really have.
module Field
  # The factors in which set-ups differ, with their values. The first value of each is that of the plain
  # set-up.
  FACTORS = {
    etcd: %w[3.4 3.5 3.6],
    user: %w[none root ordinary certificate],
    transport: %w[plain TLS],
    watch: %w[key prefix prefixes overlapping],
    way: %w[direct grpc-proxy nginx haproxy-tcp haproxy-http],
    values: %w[small many huge],
    neighbours: %w[quiet busy]
  }.freeze

  # One value of each factor.
  SetUp = Struct.new(*FACTORS.keys) do
    # The set-up that every other one with this etcd is compared with.
    def self.plain(etcd) = new(etcd, *FACTORS.values.drop(1).map(&:first))

    # The set-up that the security guide recommends. It was once slow.
    def self.recommended(etcd) = new(etcd, "ordinary", "TLS", "prefixes", "direct", "small", "quiet")

    def name = to_a.join(" ")

    def tls? = transport == "TLS"
  end

  # A reason why some set-ups are impossible.
  Rule = Struct.new(:reason, :excludes)

  ENDS_TLS = %w[grpc-proxy nginx haproxy-http].freeze

  RULES = [
    Rule.new("a user identified by a certificate needs TLS",
             ->(one) { one.user == "certificate" && !one.tls? }),
    Rule.new("#{ENDS_TLS.join(', ')} terminate TLS, so etcd does not see the client's certificate",
             ->(one) { one.user == "certificate" && ENDS_TLS.include?(one.way) }),
    Rule.new("a watch of one key cannot have many keys",
             ->(one) { one.watch == "key" && one.values == "many" })
  ].freeze

  # @return [Boolean] whether no rule excludes the set-up
  def self.possible?(set_up) = RULES.none? { |rule| rule.excludes.call(set_up) }
end
