//! Refuses to run in a Ruby whose ABI is not the one that the library was compiled for.
//!
//! Ruby itself loads such a library without a warning. The layout of objects differs, so a library for Ruby 3.1 reads
//! garbage in 3.4, and one for 3.4 aborts the process in 3.1.

use std::ffi::CStr;
use std::hint::black_box;

/// Ends with the version, such as `3.4`.
///
/// Packaging reads it from the file to see which Ruby a library is for.
static BUILT_FOR: &CStr =
    built_for(concat!("etcd_discovery is built for Ruby ", env!("BUILT_FOR_RUBY"), "\0"));

const fn built_for(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    }
}

/// Raises a `LoadError` in a Ruby of another ABI. Call it before anything else of Ruby is used.
///
/// # Safety
///
/// Only Ruby may call it, while it loads the library. The caller has nothing to drop: an error leaves by `longjmp`.
pub(crate) unsafe fn check() {
    // The compiler must not fold the comparison: a test patches the text in the file.
    let text = black_box(BUILT_FOR);
    // SAFETY: a constant of the running Ruby, which has the same type in every version.
    let [major, minor, _] = unsafe { rb_sys::ruby_api_version };
    if text.to_bytes().ends_with(format!(" {major}.{minor}").as_bytes()) {
        return;
    }
    // SAFETY: the format matches the arguments, and no value with a destructor is alive when this leaves by
    // `longjmp`.
    unsafe { rb_sys::rb_loaderror(c"%s, and this is Ruby %d.%d".as_ptr(), text.as_ptr(), major, minor) };
}
