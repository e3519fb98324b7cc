//! Numbers of seconds from Ruby. `Duration::from_secs_f64` panics on what no clock can count, and so does an
//! `Instant` that is too far away, so that nothing else here makes a `Duration` of a number.

use std::time::Duration;

use magnus::{Error, Ruby, TryConvert, Value};

/// A hundred years: far enough for forever, and near enough for the system's clocks and timers.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// What a caller gave as a time to wait. Less than nothing is nothing: a deadline that has passed. Infinity is
/// [`LONGEST`]. A finite time beyond that is a mistake, and not a wait that never ends.
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
