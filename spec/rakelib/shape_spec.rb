# frozen_string_literal: true

require_relative "../../rakelib/shape"

RSpec.describe Shape do
  around { |example| Dir.mktmpdir { |folder| @root = folder and example.run } }

  def write(path, text)
    file = File.join(@root, path)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, text)
  end

  def errors = described_class.errors(@root)

  it "finds nothing wrong with this project" do
    expect(described_class.errors(File.expand_path("../..", __dir__))).to eq([])
  end

  it "names a circle of imports between folders, and no file outside it" do
    write "src/store/mod.rs", "mod entry;\npub use entry::Entry;\n"
    write "src/store/entry.rs", "use crate::sync::Report;\n"
    write "src/sync/mod.rs", "use self::report::Report;\n"
    write "src/sync/report.rs", "use super::Phase;\nuse crate::{clock, store::Entry};\n"
    write "src/clock.rs", "// use crate::store::Entry;\n"
    expect(errors).to contain_exactly(/\Asrc: store, sync import each other/)
  end

  it "names a circle of paths in the code, without a use" do
    write "ext/src/a.rs", "use crate::b::{B, c};\n"
    write "ext/src/b.rs", "fn x() { crate::c::y() }\n"
    write "ext/src/c.rs", "use crate::a::A;\n"
    write "ext/src/d.rs", "use crate::a::A;\n"
    expect(errors).to contain_exactly(%r{\Aext/src: a, b, c import each other})
  end

  it "names a circle through a name that the parent re-exports" do
    write "src/store/mod.rs", "mod entry;\nmod index;\npub use entry::{Entry as One, other::{self, X}};\n"
    write "src/store/entry.rs", "use super::index::Index;\n"
    write "src/store/index.rs", "use crate::store::One;\n"
    expect(errors).to contain_exactly(/\Asrc: store::entry, store::index import each other/)
  end

  it "ignores code that only tests compile, and nothing else" do
    write "src/lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod sim;\n"
    write "src/a.rs", "#[cfg(test)]\n#[allow(x)]\nmod tests { fn x() { crate::b::x(\"}\") } }\nfn y() {}\n"
    write "src/b.rs", "use crate::a::A;\n#[cfg(test)]\nuse crate::{c::C, d::D};\n"
    write "src/c.rs", "use crate::b::B;\n"
    write "src/sim/mod.rs", "use crate::c::C;\n"
    write "src/d.rs", "use crate::sim::S;\n"
    expect(errors).to eq([])
    write "src/a.rs", "#[cfg(test)]\nmod tests { fn x() { \"}\" } }\nfn y() { crate::b::x() }\n"
    expect(errors).to contain_exactly(/\Asrc: a, b import each other/)
  end

  it "names a state machine that imports the transport or etcd's types" do
    write "src/sync/machine/following.rs", "use super::super::wire::fault;\nuse crate::clock::Instant;\n"
    write "src/sync/machine/loading.rs", "use crate::sync::response;\nuse etcd_client::Client;\n"
    write "src/registration/machine.rs", "use crate::transport::Link;\n"
    %w[clock sync/wire sync/machine/mod transport/mod].each { |name| write "src/#{name}.rs", "" }
    write "src/sync/mod.rs", "pub use wire::response;\n"
    expect(errors).to contain_exactly(
      /sync::machine::following imports sync::wire/, /sync::machine::loading imports sync::wire/,
      /sync::machine::loading imports etcd_client/, /registration::machine imports transport/
    )
  end

  it "names a file of more than 400 lines" do
    write "lib/short.rb", "\n" * 400
    write "src/long.rs", "\n" * 401
    expect(errors).to contain_exactly(%r{\Asrc/long\.rs has 401 lines})
  end
end
