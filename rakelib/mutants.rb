# frozen_string_literal: true

# Breaks one promise at a time in a copy of the tree, runs the tests for it, and prints which of them failed:
# `ruby rakelib/mutants.rb [number …]`. The exit status is 1 if no test catches a mutation.

require "fileutils"
require "open3"

# One way to break one promise.
Mutation = Struct.new(:promise, :file, :from, :to, :tests, keyword_init: true) do
  def apply(tree)
    path = File.join(tree, file)
    text = File.read(path)
    abort "#{file} no longer holds #{from.inspect}: fix this table." unless text.scan(from).one?

    File.write(path, text.sub(from) { to })
    yield
  ensure
    File.write(path, text)
  end
end

CORE = "cargo test -p etcd_discovery_core --lib"
FORK = "rake compile && rspec spec/main_job/fork_spec.rb"
GATE = "rake compile && rspec spec/main_job/fork_gate_spec.rb"
REFORKING = "rake compile && rspec spec/servers/reforking_spec.rb"

MUTATIONS = [
  Mutation.new(promise: "1 exact content", file: "src/sync/stream.rs", tests: CORE,
               from: "if fragment { last - 1 } else { last }", to: "last"),
  Mutation.new(promise: "1 exact content", file: "src/store/snapshot.rs", tests: CORE,
               from: "None => drop(next.entries.remove(&*change.key))",
               to: "None => drop(next.entries.get(&*change.key))"),
  Mutation.new(promise: "1 exact content", file: "src/sync/listing.rs", tests: CORE,
               from: "revision: self.at.map(|(revision, _)| revision)", to: "revision: None"),
  Mutation.new(promise: "1 no deletion compacted away", file: "src/sync/stream.rs", tests: CORE,
               from: "Some((next.range.clone(), (self.start - 1).max(1)))",
               to: "Some((next.range.clone(), self.start))"),
  Mutation.new(promise: "2 never back without reset", file: "src/sync/machine/loading.rs", tests: CORE,
               from: "!same_cluster || snapshot.revision() < old.revision()", to: "false && same_cluster"),
  Mutation.new(promise: "2 another history is noticed", file: "src/sync/machine/mod.rs", tests: CORE,
               from: "header.cluster_id != snapshot.cluster_id()", to: "false"),
  Mutation.new(promise: "3 transactions whole", file: "src/sync/stream.rs", tests: CORE,
               from: ".map(|cursor| cursor.complete).min()", to: ".map(|cursor| cursor.complete).max()"),
  Mutation.new(promise: "5 age from confirmed contact", file: "src/sync/freshness.rs", tests: CORE,
               from: "                Some(since)\n", to: "                Some(now)\n"),
  Mutation.new(promise: "5 age from confirmed contact", file: "src/sync/machine/following.rs", tests: CORE,
               from: "            freshness.heard(now);\n            freshness.claims()",
               to: "            self.report.confirmed_at = Some(now);\n            freshness.claims()"),
  Mutation.new(promise: "5 a stuck member is left", file: "src/sync/freshness.rs", tests: CORE,
               from: "if revision > self.told", to: "if revision > 0"),
  Mutation.new(promise: "5 no deletion overlooked", file: "src/sync/machine/comparing.rs", tests: CORE,
               from: "!found.newer && usize::try_from(found.count) == Ok(snapshot.range(range).count())",
               to: "!found.newer"),
  Mutation.new(promise: "9 no input panics", file: "src/sync/wire.rs", tests: CORE,
               from: "event.r#type != DELETE",
               to: "etcd_client::EventType::try_from(event.r#type).unwrap() as i32 != DELETE"),
  Mutation.new(promise: "6 registered: the key was seen", file: "src/registration/lease.rs", tests: CORE,
               from: "self.deadline.min(self.seen + self.ttl)", to: "self.deadline"),
  Mutation.new(promise: "6 registered: renewed when sent", file: "src/registration/machine.rs", tests: CORE,
               from: "held.renewed(ttl, sent, next);", to: "held.renewed(ttl, now, next);"),
  Mutation.new(promise: "6 time passes without an event", file: "src/registration/report.rs", tests: CORE,
               from: "self.proven_until.is_none_or(|until| now >= until)", to: "now < now"),
  Mutation.new(promise: "6 a successor's key is left alone", file: "src/registration/machine.rs", tests: CORE,
               from: "mod_revision <= takeover || self.former.is_own(lease)", to: "mod_revision <= i64::MAX"),
  Mutation.new(promise: "7 nothing inherited is dropped", file: "src/epoch.rs", tests: CORE,
               from: "std::mem::forget(owned)", to: "drop(owned)"),
  Mutation.new(promise: "7 no inherited socket stays open", file: "ext/src/fork.rs", tests: FORK,
               from: "unsafe { libc::close(descriptor) };",
               to: "unsafe { libc::fcntl(descriptor, libc::F_GETFD) };"),
  Mutation.new(promise: "7 the thread stands still", file: "src/session/fork.rs", tests: GATE,
               from: "session.gate.close(PATIENCE);", to: "let _ = (PATIENCE, &session.gate);"),
  Mutation.new(promise: "7 no descriptor stays open", file: "src/session/descriptors.rs", tests: REFORKING,
               from: "own(runtime)?.iter().map(sockets::register).collect()",
               to: "own(runtime).map(|_| Vec::new())"),
  Mutation.new(promise: "7 the child does not list again", file: "src/sync/driver.rs", tests: FORK,
               from: "(published.generation() > 0).then(", to: "(published.generation() == 0).then("),
  Mutation.new(promise: "1 a damaged copy is refused", file: "src/store/disk/format.rs", tests: CORE,
               from: "if footer != xxh3_64(summed).to_le_bytes()", to: "if footer.is_empty()"),
  Mutation.new(promise: "2 another cluster's copy is refused", file: "src/sync/machine/mod.rs", tests: CORE,
               from: "        self.at_hand().is_some_and(|snapshot| {",
               to: "        self.snapshot.as_ref().is_some_and(|snapshot| {"),
  Mutation.new(promise: "5 a copy is not called fresh", file: "src/sync/machine/cached.rs", tests: CORE,
               from: "self.report.confirmed_at = held.cached.confirmed_at;",
               to: "self.report.confirmed_at = Some(Instant::now());"),
  Mutation.new(promise: "1 an audit repairs what it finds", file: "src/sync/machine/auditing.rs", tests: CORE,
               from: "            self.relist(now, effects);", to: "            let _ = effects;")
].freeze

# A copy of the tree to break. Its compiled dependencies are kept for later runs.
class Laboratory
  ROOT = File.expand_path("../tmp/mutants", __dir__)
  TREE = File.join(ROOT, "tree")

  def initialize
    FileUtils.rm_rf(TREE)
    FileUtils.mkdir_p(TREE)
    files = Open3.capture2("git", "ls-files", "-z").first.split("\0").select { |file| File.file?(file) }
    Open3.capture2("tar", "--create", "--null", "--files-from=-", "--file=#{ROOT}/tree.tar",
                   stdin_data: files.join("\0"))
    system("tar", "--extract", "--directory", TREE, "--file", "#{ROOT}/tree.tar", exception: true)
  end

  # @return [Array(Boolean, String)] whether the tests passed, and their output
  def run(tests)
    output, status = Open3.capture2e({ "CARGO_TARGET_DIR" => "#{ROOT}/target" }, tests, chdir: TREE)
    [status.success?, output]
  end
end

# The names of the tests that failed.
def failed_tests(output)
  names = output.scan(/^test (\S+) \.\.\. FAILED|^---- (\S+) stdout|^rspec \S+ # (.+)$/).flatten.compact.uniq
  names.empty? ? ["the build"] : names
end

laboratory = Laboratory.new
chosen = ARGV.empty? ? MUTATIONS : ARGV.map { |number| MUTATIONS.fetch(Integer(number) - 1) }
chosen.map(&:tests).uniq.each do |tests|
  passed, output = laboratory.run(tests)
  abort "#{output}\nThe tests must pass without a mutation." unless passed
end
survivors = chosen.reject do |mutation|
  passed, output = mutation.apply(Laboratory::TREE) { laboratory.run(mutation.tests) }
  caught = passed ? "NOT CAUGHT" : failed_tests(output).first(3).join(", ")
  puts format("%-32<promise>s %-32<file>s %<caught>s", **mutation.to_h.slice(:promise, :file), caught:)
  $stdout.flush
  passed == false
end
puts "#{chosen.size - survivors.size} of #{chosen.size} mutations caught"
exit(survivors.empty?)
