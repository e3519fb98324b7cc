//! Tells rustc which Ruby it builds for, so that version differences can be chosen by `cfg`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    rb_sys_env::activate()?;
    Ok(())
}
