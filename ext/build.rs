//! Tells rustc which Ruby it builds for, so that version differences can be chosen by `cfg`,
//! and the library which Ruby it was built for.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ruby = rb_sys_env::activate()?;
    let (major, minor) = ruby.ruby_major_minor();
    println!("cargo:rustc-env=BUILT_FOR_RUBY={major}.{minor}");
    Ok(())
}
