# frozen_string_literal: true

require "etcd_discovery/doctor"

RSpec.describe EtcdDiscovery::Doctor do
  def brief(finding) = [finding.check, finding.level, finding.subject]

  it "calls a version doubtful while it has a known defect, and wrong when it is too old" do
    levels = %w[3.3.27 3.4.24 3.4.25 3.5.7 3.5.8 3.6.0 3.6.0+git nonsense].map do |version|
      described_class::KnownDefects.verdict(version).first
    end
    expect(levels).to eq %i[wrong doubtful fine doubtful fine fine fine doubtful]
  end

  it "tells a member that is cut off from a cluster without a leader" do
    check = described_class::MembersCheck
    expect(check.leader_verdict("a" => "1", "b" => "1").map do |one|
             brief(one)
           end).to eq [[:leader, :fine, nil]]
    cut_off = check.leader_verdict("a" => "1", "b" => nil)
    expect(cut_off.map { |one| [*brief(one), one.message] })
      .to match [[:leader, :wrong, "b", /cut off from the others/]]
    none = check.leader_verdict("a" => nil, "b" => nil)
    expect(none.map(&:message)).to all(match(/has no leader/))
  end

  it "says in which direction the clock is off, and lets a second pass" do
    check = described_class::MembersCheck
    said = [0.9, 10, 3_600, -3_600].map do |skew|
      check.clock_verdict(skew, "a").then do |one|
        [one.level, one.message]
      end
    end
    expect(said).to match [[:fine, /agree/], [:doubtful, /10 s ahead of/], [:wrong, /3600 s ahead of/],
                           [:wrong, /3600 s behind/]]
  end

  it "names every alarm, also one that it does not know" do
    alarms = [{ "alarm" => "NOSPACE" }, { "alarm" => "NOSPACE" }, { "alarm" => "CORRUPT" },
              { "alarm" => "NEW" }]
    said = described_class::MembersCheck.alarms_verdict(alarms).map(&:message)
    expect(said).to match [/\ANOSPACE: .*no writes/, /\ACORRUPT: .*disagree/, /\ANEW: /]
    expect(described_class::MembersCheck.alarms_verdict([]).map(&:level)).to eq [:fine]
  end

  it "judges limits, latency and what a server says first" do
    nofile = described_class::HostCheck::NOFILE
    levels = [64, 512, 1_024, Process::RLIM_INFINITY].map do |limit|
      described_class::HostCheck.verdict(limit, nofile)
    end
    expect(levels).to eq %i[wrong doubtful fine fine]
    slow = described_class::LatencyCheck.verdict(([1.0] * 49) + [900.0], "a")
    expect([slow.level, slow.message]).to eq [:doubtful, "p50 1.0 ms, p99 900.0 ms of 50 reads"]
    first = [nil, "", "\0\0\x06\x04\0", "\x15\x03\x01", "HTTP/1.1 400 Bad Request\r\n",
             "SSH-2.0\r\n"].map do |bytes|
      described_class::HTTP2Check.verdict(bytes&.b)[1]
    end
    expect(first).to match [/does not answer/, /closes/, "HTTP/2", /TLS/, %r{HTTP/1}, /not etcd/]
  end

  describe "of a certificate" do
    let(:now) { Time.utc(2030) }
    let(:good) do
      { certificate: true, version: "TLSv1.3", ms: 1.0, not_before: now - 60, not_after: now + (90 * 86_400),
        trusted: true, fits: true, expected: "a", names: "DNS:a", issuer: "CN=ca", distrust: "ok" }
    end

    def level(**facts) = described_class::TLSCheck.verdict({ **good, **facts }, now:)

    it "says what is wrong first, and when it ends" do
      expect(level).to match [:fine, /90 days/, nil]
      expect(level(not_after: now + 86_400)).to match [:doubtful, /1 days/, /renew/]
      expect(level(not_after: now - 1, trusted: false)).to match [:wrong, /has expired/, /renew/]
      expect(level(not_before: now + 60)).to match [:wrong, /not valid before.*clock says/, /clocks/]
      expect(level(trusted: false)).to match [:wrong, /CN=ca/, /ca_file/]
      expect(level(fits: false)).to match [:wrong, /not for a, but for DNS:a/, /server_name/]
      expect(level(error: "tlsv13 alert certificate required")).to match [:wrong, /requires/, /cert_file/]
      expect(level(error: "alert unknown ca",
                   own: true)).to match [:wrong, /refuses.*unknown ca/, /trusted-ca-file/]
      expect(level(certificate: nil, error: "eof", plain: true)).to match [:wrong, /not use TLS/, %r{http://}]
      expect(level(certificate: nil, error: "eof")).to match [:wrong, /no TLS connection: eof/, /etcd/]
    end

    it "takes no alert of TLS for clear text" do
      answers = ["\x15\x03\x01\0\x02", "HTTP/1.0 400 Bad Request\r\n\r\nthis is an HTTPS server", "",
                 "\0\0\x06\x04\0"]
      expect(answers.map do |bytes|
               described_class::TLSFacts.clear?(bytes.b)
             end).to eq [false, false, false, true]
    end
  end
end
