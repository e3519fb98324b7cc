# frozen_string_literal: true

require "stringio"
require "tmpdir"
require_relative "../../rakelib/matrix/run"

RSpec.describe Matrix do
  it "runs every row without a name, some by their names, and lists all if a name is unknown" do
    expect(described_class.rows([])).to eq Matrix::ROWS
    expect(described_class.rows(%w[etcd3.6 trixie]).map(&:title)).to eq ["Debian 13", "Debian 12, etcd 3.6"]
    expect { described_class.rows(%w[trixie sarge]) }
      .to raise_error(ArgumentError, /unknown row: sarge; .* trixie/)
  end

  describe Matrix::Versions do
    it "takes Debian's part off a version" do
      there = { "2:7.2.2.2+dfsg-2~deb13u2" => "7.2.2.2", "6.1.0+git.20250131.1370f52-1+b1" => "6.1.0",
                "6.0.26+ds-1.1" => "6.0.26", "3.5.16-4" => "3.5.16", "3.6.16" => "3.6.16" }
      expect(there.keys.to_h { |version| [version, described_class.upstream(version)] }).to eq there
    end

    it "names the running Ruby and the etcd that is started, and only what is installed" do
      text = <<~TEXT
        ruby 3.4.11
        etcd 3.6.16
        etcd-server 3.5.30-2
        puma 8.0.2-3
        ruby 1:3.3+b1
        ruby-railties 2:7.2.4+dfsg-1
        ruby-rack 3.1.20-0+deb13u2
      TEXT
      expect(described_class.parse(text))
        .to eq "Ruby 3.4.11, Rails 7.2.4, Rack 3.1.20, puma 8.0.2, etcd 3.6.16"
    end

    it "reads this machine's versions by its own query" do
      text, = Open3.capture2("sh", "-c", described_class::QUERY)
      expect(described_class.parse(text)).to match(/\ARuby 3\.\d+\.\d+, .*etcd 3\.\d+\.\d+\z/)
    end
  end

  describe Matrix::Table do
    rows = [Matrix::Row.new(name: "old", title: "Debian 1"), Matrix::Row.new(name: "new", title: "Debian 2")]
    document = "# Title\n\n#{described_class::MARKS.join}\nThe end.\n"

    def result(row, **more)
      described_class::Result.new(row:, versions: "Ruby 3.1.2", ran: "specs", passed: 12, failed: 0,
                                  seconds: 99, date: "2026-01-01", **more)
    end

    define_method(:update) { |text, *results| described_class.update(text, results, rows:) }

    it "writes the line of the row that ran, marks another as not run, and keeps the text around" do
      text = update(document, result(rows.last))
      expect(text).to start_with("# Title\n\n").and end_with("\nThe end.\n")
      expect(text).to include "| Debian 1 | `old` | – | not run yet | – | – | – | – | – |\n" \
                              "| Debian 2 | `new` | Ruby 3.1.2 | specs | 12 | 0 | – | 99 | 2026-01-01 |\n"
    end

    it "keeps the line of a row that does not run this time" do
      text = update(update(document, result(rows.first), result(rows.last)), result(rows.last, failed: 1))
      expect(text.lines.grep(/^\| Debian/).map { |line| line.split(" | ").values_at(1, 4, 5) })
        .to eq [["`old`", "12", "0"], ["`new`", "12", "1"]]
    end

    it "keeps a reason in its cell, whatever it contains" do
      text = update(document, result(rows.first, ran: "not available: a | b\nc"))
      expect(text).to include "| not available: a \\| b c |"
    end
  end

  describe Matrix::EtcdBuild do
    # Stands for Go: it knows one release, and "builds" in a moment what takes minutes.
    go = <<~'SH'
      #!/bin/sh
      case "$1 $2" in
        "list -m") case "$5" in *@v3.6) echo v3.6.16 ;; *) exit 1 ;; esac ;;
        "build -o") echo "built $4" | tee -a "$LOG"; : > "$3" ;;
      esac
    SH

    around do |example|
      Dir.mktmpdir do |folder|
        @folder = folder
        File.write("#{folder}/go", go, perm: 0o755)
        path = ENV.fetch("PATH")
        ENV.update("PATH" => "#{folder}:#{path}", "LOG" => "#{folder}/log")
        example.run
      ensure
        ENV.update("PATH" => path, "LOG" => nil)
      end
    end

    before { allow(Matrix::Environment).to receive(:go).and_return("GOROOT" => @folder) }

    define_method(:programs) do |version|
      described_class.programs(version, File::NULL, kept: "#{@folder}/kept")
    end

    it "builds the latest release of a version once, and keeps it for later runs" do
      paths = Array.new(2) { programs("3.6") }
      folder = "#{@folder}/kept/v3.6.16"
      expect(paths.uniq).to eq [%w[etcd etcdctl etcdutl].map { |name| "#{folder}/#{name}" }]
      expect(paths.first).to all(satisfy { |path| File.exist?(path) })
      expect(File.readlines("#{@folder}/log").size).to eq 3
      expect(Dir.children("#{@folder}/kept")).to eq ["v3.6.16"]
    end

    it "builds only what an interrupted run has left out" do
      File.delete(programs("3.6").last)
      expect(programs("3.6")).to all(satisfy { |path| File.exist?(path) })
      expect(File.readlines("#{@folder}/log").last).to include "etcdutl"
      expect(File.readlines("#{@folder}/log").size).to eq 4
    end

    it "names the variables by which specs and torture use the programs" do
      expect(described_class.variables(["/kept/etcd", "/kept/etcdutl"]))
        .to eq("ETCD_BIN" => "/kept/etcd", "ETCDUTL_BIN" => "/kept/etcdutl")
    end

    it "says which version Go's modules do not have" do
      expect { programs("3.4") }.to raise_error(Matrix::Unavailable, "Go's modules have no etcd 3.4")
    end
  end

  describe Matrix::Skipped do
    it "says how many tests were skipped, and each reason once" do
      output = "  1 left  x\n    skipped: no Go\n  0 left  y\n    skipped: no Go\n    skipped: no ps\n"
      expect(described_class.summary(9, output)).to eq "9: no Go; no ps"
      expect(described_class.summary(0, "")).to be_nil
    end
  end

  describe Matrix::Namespace do
    it "undoes every mount and ends every process on TERM, also one that left its process group" do
      possible = system("unshare", "--mount", "--pid", "--fork", "true", err: File::NULL)
      skip "this machine lets this user make no namespaces" unless possible

      Dir.mktmpdir do |folder|
        script = "trap '' TERM; mount --bind /usr #{folder} && ls #{folder} && { setsid sleep 1000 & wait; }"
        output, input = IO.pipe
        command = described_class.outside("sh", "-c", script)
        run = Process.detach(Process.spawn(*command, out: input, pgroup: true))
        input.close
        expect(output.gets).to eq "bin\n"
        Process.kill(:TERM, -run.pid)
        expect(run.join(20)).not_to be_nil
        expect(output.read).to include "sbin" # up to its end: no process holds it open
        expect(Dir.children(folder)).to be_empty
      ensure
        Process.kill(:KILL, -run.pid) if run&.alive?
      end
    end
  end

  describe Matrix::Compiled do
    it "is for a C library that is not older than the one that it was linked with" do
      expect(described_class).to be_runs_with("glibc 2.41\n", here: "glibc 2.36\n")
      expect(described_class).to be_runs_with("glibc 2.36\n", here: "glibc 2.36\n")
      expect(described_class).not_to be_runs_with("glibc 2.9\n", here: "glibc 2.36\n")
    end

    it "shares all dependencies except those that depend on the Ruby, and never this tree's own packages" do
      Dir.mktmpdir do |folder|
        kept = %w[deps/libtokio-1.rlib build/ring-1 .fingerprint/tokio-1]
        foreign = %w[deps/librb_sys-1.rlib build/rb-sys-1 deps/magnus-1.d .fingerprint/etcd_discovery_core-1]
        (kept + foreign).each { |path| FileUtils.mkdir_p(File.join(folder, "here/release", path)) }
        described_class.share(File.join(folder, "here"), File.join(folder, "root"))
        base = File.join(folder, "root/release")
        expect(Dir.glob("{deps,build,.fingerprint}/*", base:)).to match_array(kept)
      end
    end
  end
end
