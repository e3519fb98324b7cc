//! Parses durations as people write them.

/// Parses a duration into seconds: a number, or amounts with the units ns, us, ms, s, m, h and d.
///
/// A negative duration is refused, and one that no number can hold.
///
/// ```
/// use etcd_discovery_core::duration::seconds;
///
/// assert_eq!(seconds(b"1h30m"), Some(5400.0));
/// assert_eq!(seconds(b"soon"), None);
/// ```
#[must_use]
pub fn seconds(bytes: &[u8]) -> Option<f64> {
    sum(bytes).filter(|seconds| seconds.is_finite())
}

fn sum(bytes: &[u8]) -> Option<f64> {
    let mut rest = std::str::from_utf8(bytes).ok()?.trim();
    if !rest.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return rest.parse().ok();
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..number].parse().ok()?;
        rest = &rest[number..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').unwrap_or(rest.len());
        total += in_seconds(amount, &rest[..unit])?;
        rest = rest[unit..].trim_start();
    }
    Some(total)
}

/// Converts an amount to seconds.
///
/// It divides rather than multiplying by a fraction without an exact binary form, so that 3 ms is exactly 0.003.
fn in_seconds(amount: f64, unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(amount / 1e9),
        "us" | "µs" | "μs" => Some(amount / 1e6),
        "ms" => Some(amount / 1e3),
        "s" => Some(amount),
        "m" => Some(amount * 60.0),
        "h" => Some(amount * 3_600.0),
        "d" => Some(amount * 86_400.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_input_panics_and_no_accepted_duration_is_negative(
            bytes in prop::collection::vec(any::<u8>(), 0..12),
            text in "[0-9.nuµmshd e+-]{0,12}",
        ) {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                prop_assert!(seconds(bytes).is_none_or(|seconds| seconds >= 0.0), "{:?}", seconds(bytes));
            }
        }

        #[test]
        fn a_duration_that_no_number_can_hold_is_refused(digits in 310usize..400, unit in "(|h)") {
            prop_assert_eq!(seconds(format!("{}{unit}", "9".repeat(digits)).as_bytes()), None);
        }

        #[test]
        fn amounts_with_units_add_up(hours in 0u32..1_000, minutes in 0u32..60, milliseconds in 0u32..60_000) {
            let text = format!("{hours}h {minutes}m{milliseconds}ms");
            let expected = f64::from(hours * 3_600 + minutes * 60) + f64::from(milliseconds) / 1e3;
            let read = seconds(text.as_bytes());
            prop_assert!(read.is_some_and(|read| (read - expected).abs() < 1e-6), "{text}: {read:?}");
        }
    }
}
