//! The time, for whatever works on the session's thread.

use std::time::Instant;

/// Now, by the clock that the timers go by: the two agree in tests too, where that clock jumps.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
