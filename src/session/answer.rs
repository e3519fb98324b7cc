//! What a process tells of itself when a roll call asks.
//!
//! Other users than those of the application may read the answers, so they hold no value and no text of the application
//! (`Field::Private`). They are bounded, because one caller reads those of all members at once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::notices::Batch;
use crate::error::Error;
use crate::notice::{Field, Notice};
use crate::sync::Report;

/// How many events an answer holds at most, and how many bytes of them.
const MOST_EVENTS: usize = 20;
const MOST_BYTES: usize = 4_096;
/// Characters of one text in an event.
const LONGEST_TEXT: usize = 300;

/// The answer of a process whose readers see `seen`; with `events` if the call asks for them.
pub(super) fn text(seen: i64, report: &Report, max_staleness: Duration, events: Option<&Batch>) -> String {
    let age = report.confirmed_at.map(|at| at.elapsed());
    let stale = report.from_cache || age.is_none_or(|age| age > max_staleness);
    let mut answer = json!({
        "revision": seen,
        "age": seconds(age.unwrap_or_default()),
        "stale": stale,
        "reconnects": report.reconnects,
    });
    if let Some(bytes) = resident() {
        answer["rss"] = json!(bytes);
    }
    if let Some(batch) = events {
        answer["events"] = json!(latest(batch));
    }
    answer.to_string()
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// The bytes that this process occupies in memory, where the system says so.
fn resident() -> Option<u64> {
    // Not statm, which counts in pages of an unknown size.
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_in(status: &str) -> Option<u64> {
    let field = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    field.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// The latest events, the oldest first.
fn latest(batch: &Batch) -> Vec<Value> {
    let mut room = MOST_BYTES;
    let fits = |event: &Value| {
        let left = room.checked_sub(event.to_string().len());
        room = left.unwrap_or(0);
        left.is_some()
    };
    let newest = batch.notices.iter().rev().take(MOST_EVENTS);
    let mut events: Vec<Value> = newest.map(|(at, notice)| event(*at, notice)).take_while(fits).collect();
    events.reverse();
    events
}

fn event(at: SystemTime, notice: &Notice) -> Value {
    let fields = notice.payload().into_iter();
    let payload: Map<String, Value> =
        fields.filter_map(|(name, field)| Some((name.to_owned(), value(field)?))).collect();
    json!([seconds(at.duration_since(UNIX_EPOCH).unwrap_or_default()), notice.name(), payload])
}

/// `None` for what is not for others.
fn value(field: Field<'_>) -> Option<Value> {
    Some(match field {
        Field::Absent => Value::Null,
        Field::Truth(truth) => json!(truth),
        Field::Number(number) => json!(number),
        Field::Seconds(time) => json!(time),
        Field::Word(word) => json!(word),
        Field::Text(text) => json!(shortened(&String::from_utf8_lossy(text))),
        Field::Private(_) => return None,
        Field::Error(error) => error_value(error),
    })
}

fn error_value(error: &Error) -> Value {
    json!({ "kind": format!("{:?}", error.kind()), "message": shortened(&error.to_string()) })
}

fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut start: String = characters.by_ref().take(LONGEST_TEXT).collect();
    if characters.next().is_some() {
        start.push('…');
    }
    start
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Instant;
    use crate::error::ErrorKind;

    const LIMIT: Duration = Duration::from_secs(30);

    fn parsed(answer: &str) -> Value {
        serde_json::from_str(answer).unwrap()
    }

    fn failed(message: &str) -> Notice {
        Notice::CacheFailed { error: Error::new(ErrorKind::Cache, message) }
    }

    fn batch(notices: Vec<Notice>) -> Batch {
        let at = UNIX_EPOCH + Duration::from_millis(1_500);
        let notices = notices.into_iter().map(|notice| (at, Arc::new(notice))).collect();
        Batch { cursor: 0, missed: 0, notices }
    }

    fn events(notices: Vec<Notice>) -> Vec<Value> {
        let answer = text(5, &Report::default(), LIMIT, Some(&batch(notices)));
        parsed(&answer)["events"].as_array().unwrap().clone()
    }

    #[test]
    fn an_answer_says_how_the_process_is_and_no_event_that_was_not_asked_for() {
        let confirmed_at = Some(Instant::now());
        let report = Report { confirmed_at, reconnects: 3, ..Report::default() };
        let answer = parsed(&text(5, &report, LIMIT, None));
        assert_eq!((&answer["revision"], &answer["reconnects"]), (&json!(5), &json!(3)));
        assert_eq!((&answer["stale"], answer["age"].as_f64().unwrap() < 5.0), (&json!(false), true));
        assert_eq!(answer.get("events"), None);
        assert_eq!(answer["rss"].is_u64(), cfg!(target_os = "linux"));
    }

    #[test]
    fn a_copy_that_etcd_has_not_confirmed_in_time_is_stale() {
        let stale = |report: &Report, limit| parsed(&text(5, report, limit, None))["stale"] == true;
        let confirmed_at = Some(Instant::now());
        let confirmed = Report { confirmed_at, ..Report::default() };
        assert!(!stale(&confirmed, LIMIT));
        assert!(stale(&confirmed, Duration::ZERO));
        assert!(stale(&Report::default(), LIMIT));
        assert!(stale(&Report { from_cache: true, ..confirmed }, LIMIT));
    }

    #[test]
    fn resident_memory_is_read_where_the_system_tells_it() {
        assert_eq!(resident_in("Name:\truby\nVmRSS:\t   64008 kB\nThreads:\t3\n"), Some(65_544_192));
        for other in ["", "Name:\tVmRSS: 5 kB\n", "VmRSS:\tmany kB\n", "VmRSS:\t18446744073709551615 kB\n"] {
            assert_eq!(resident_in(other), None, "{other}");
        }
    }

    #[test]
    fn an_event_has_its_time_its_name_and_what_it_carries() {
        assert_eq!(
            events(vec![failed("disk full")]),
            [json!([1.5, "cache_error", { "error": { "kind": "Cache", "message": "disk full" } }])]
        );
    }

    #[test]
    fn an_event_holds_no_text_of_the_application() {
        let service = Notice::Service {
            origin: 7,
            service: b"payments".to_vec(),
            kind: "ejected".into(),
            message: b"hunter2".to_vec(),
        };
        let registration = Notice::Registration {
            key: b"/service/\xff".to_vec(),
            address: b"user:hunter2@host".to_vec(),
            state: "lost",
            previous: "registered",
            lease: Some(7),
            error: None,
        };
        let shown = events(vec![service, registration]);
        assert_eq!(shown[0][2], json!({ "service": "payments", "type": "ejected" }));
        let rest = json!({ "key": "/service/\u{fffd}", "state": "lost", "previous": "registered",
                           "lease": 7, "error": null });
        assert_eq!(shown[1][2], rest);
        assert!(!json!(shown).to_string().contains("hunter2"));
    }

    #[test]
    fn an_answer_holds_the_latest_events_that_fit() {
        let shown = events((0..25).map(|number| failed(&number.to_string())).collect());
        let numbers: Vec<&str> =
            shown.iter().filter_map(|event| event[2]["error"]["message"].as_str()).collect();
        assert_eq!((numbers.len(), numbers[0], numbers[19]), (20, "5", "24"));
        let long = events((0..25).map(|_| failed(&"\u{1F4BE}".repeat(2_000))).collect());
        assert!((1..20).contains(&long.len()) && json!(long).to_string().len() <= MOST_BYTES + 30);
        let quotes = events(vec![failed(&"\"\u{1}".repeat(5_000)), failed("short")]);
        assert_eq!(quotes.last().unwrap()[2]["error"]["message"], "short");
    }
}
