//! Refuses to run in a Ruby of another ABI than the one the library was compiled for.
//!
//! Ruby itself loads such a library without a word. The layout of its objects differs, so a library of
//! Ruby 3.1 reads garbage in 3.4, and one of 3.4 aborts the process in 3.1.

use std::ffi::CStr;
use std::hint::black_box;

/// Ends with the version, as `3.4`. Packaging reads it from the file, to see which Ruby a library is for.
static BUILT_FOR: &CStr =
    built_for(concat!("etcd_discovery is built for Ruby ", env!("BUILT_FOR_RUBY"), "\0"));

const fn built_for(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    }
}

/// Raises a `LoadError` in a Ruby of another ABI. Nothing else of Ruby may be touched before.
///
/// # Safety
///
/// Ruby alone calls it, while it loads the library, and with nothing of Rust's left to destroy: an error
/// leaves by `longjmp`.
pub(crate) unsafe fn check() {
    // A compiler that knew the text would fold the comparison, and no test could have it differ.
    let text = black_box(BUILT_FOR);
    // SAFETY: constants of the running Ruby that have the same type in every version.
    let [major, minor, _] = unsafe { rb_sys::ruby_api_version };
    if text.to_bytes().ends_with(format!(" {major}.{minor}").as_bytes()) {
        return;
    }
    // SAFETY: a function of the running Ruby, called by its own rules; the format matches the arguments, and
    // no value with a destructor is alive here.
    unsafe { rb_sys::rb_loaderror(c"%s, and this is Ruby %d.%d".as_ptr(), text.as_ptr(), major, minor) };
}
