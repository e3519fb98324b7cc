//! Converts numbers of seconds from Ruby.
//!
//! This is the only place that does: `Duration::from_secs_f64` panics on numbers that no clock can count, and
//! so does an `Instant` that is too far away.

use std::time::Duration;

use magnus::{Error, Ruby, TryConvert, Value};

/// A hundred years: long enough to mean forever, and short enough for the system's clocks and timers.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// A timeout that a caller passed.
///
/// A negative number is zero, a deadline that has passed. Infinity is [`LONGEST`]. A finite number beyond
/// that is an error, because it is a mistake and not a wait without end.
#[derive(Clone, Copy)]
pub(crate) struct Seconds(pub(crate) Duration);

impl TryConvert for Seconds {
    fn try_convert(value: Value) -> Result<Self, Error> {
        let number = f64::try_convert(value)?;
        if number.is_nan() {
            let class = Ruby::get_with(value).exception_arg_error();
            return Err(Error::new(class, "NaN is not a number of seconds"));
        }
        if number.is_finite() && number > LONGEST.as_secs_f64() {
            let class = Ruby::get_with(value).exception_arg_error();
            let text = format!("{number:e} seconds are over a hundred years; Float::INFINITY waits forever");
            return Err(Error::new(class, text));
        }
        let duration = Duration::try_from_secs_f64(number.max(0.0)).unwrap_or(LONGEST);
        Ok(Self(duration.min(LONGEST)))
    }
}
