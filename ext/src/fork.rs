//! The C library's fork handlers.
//!
//! They see every fork, also those of `Process.daemon` and of C code, which `Process._fork` does not see.

use etcd_discovery_core::session;

/// Registers the handlers. Called once, when the extension is loaded.
pub(crate) fn init() {
    session::on_thread_start(block_signals);
    // SAFETY: the handlers take no arguments and are functions of this library, which Ruby never unloads.
    unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
}

extern "C" fn prepare() {
    session::prepare();
}

extern "C" fn in_parent() {
    session::in_parent();
}

extern "C" fn in_child() {
    for descriptor in session::in_child() {
        // SAFETY: only the parent's session used the descriptor. Its owner in this process is forgotten, never used
        // or dropped, so that no one closes the number a second time. tokio's own clean-up would change the
        // parent's epoll.
        unsafe { libc::close(descriptor) };
    }
}

/// Blocks all signals on the session's thread: Ruby's signal handlers must run on Ruby's threads.
fn block_signals() {
    // SAFETY: the calls write and read one signal set on this stack, for which all zeros are a valid value.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}
