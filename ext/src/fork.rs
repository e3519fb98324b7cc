//! The C library's fork handlers. They cover every `fork`, `Process.daemon` and C callers included, which
//! `Process._fork` does not.

use etcd_discovery_core::session;

/// Registers the handlers; once, when the extension is loaded.
pub(crate) fn init() {
    session::on_thread_start(block_signals);
    // SAFETY: the handlers are functions of this library, which Ruby never unloads.
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
        // SAFETY: a bare close of a descriptor that only the parent's session used; what holds it in this
        // process is forgotten, never used or dropped, so that its number is free for others. tokio's own
        // clean-up would reach into the parent's epoll.
        unsafe { libc::close(descriptor) };
    }
}

/// Signals are for Ruby's threads: its handlers must not run on the session's thread.
fn block_signals() {
    // SAFETY: plain system calls on a set that lives on this stack.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
}
