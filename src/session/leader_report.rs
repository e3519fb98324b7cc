//! What a leader says of itself in shared memory, and what its followers report of it.

use arc_swap::ArcSwap;

use crate::clock::Instant;
use crate::error::{Error, ErrorKind};
use crate::host;
use crate::store::Publication;
use crate::sync::{Phase, Report};

/// The leader shows a copy from disk, which etcd has not confirmed yet.
const FROM_CACHE: u32 = 1 << 7;

/// A leader's state as a number.
pub(super) fn state_of(report: &Report) -> u32 {
    report.phase.code() | if report.from_cache { FROM_CACHE } else { 0 }
}

/// Whether a leader in this state needs what its last error says.
const fn is_in_trouble(phase: Phase) -> bool {
    matches!(phase, Phase::Denied | Phase::Backoff | Phase::Connecting)
}

/// What a leader's followers should know of its last error: the kind and the message. No error has a secret in it.
pub(super) fn problem_of(report: &Report) -> String {
    let error = report.last_error.as_ref().filter(|_| is_in_trouble(report.phase));
    error.map_or_else(String::new, |error| format!("{} {error}", error.kind().code()))
}

/// The leader's error, as its follower reports it.
fn error_of(leader: u32, phase: Phase, problem: Option<&str>) -> Error {
    let who = format!("process {leader}, which follows etcd for this host");
    if let Some((kind, message)) = problem.and_then(|problem| problem.split_once(' ')) {
        let kind = kind.parse().ok().and_then(ErrorKind::of_code).unwrap_or(ErrorKind::Connection);
        return Error::new(kind, format!("{message} ({who})"));
    }
    let message = format!("{who}, is in the state {}; its status and its log say why", phase.as_str());
    Error::new(ErrorKind::Connection, message)
}

/// The report on what readers of this process are shown. A follower knows its leader's state from the shared memory.
pub(super) fn shown_report(own: &ArcSwap<Report>, publication: &Publication) -> Report {
    let published = publication.load();
    let own = own.load();
    let Some(followed) = published.followed() else { return Report::clone(&own) };
    // Before anything else: the snapshot that a caller reads after this holds at least what is confirmed here.
    let confirmed_at = followed.confirmed_at();
    let control = followed.shelf().control();
    let state = host::state_of(control);
    let phase = Phase::of_code(state & !FROM_CACHE);
    let problem = control.text().filter(|problem| !problem.is_empty());
    let error = (problem.is_some() || phase == Phase::Backoff || published.generation() == 0)
        .then(|| error_of(followed.leader(), phase, problem.as_deref()));
    let is_new = error.is_some() && error != own.last_error;
    Report {
        phase,
        confirmed_at,
        from_cache: state & FROM_CACHE != 0,
        raft_term: control.raft_term(),
        peer: None,
        last_error_at: if is_new { Some(Instant::now()) } else { own.last_error_at },
        // It stays after recovery, as every last error does.
        last_error: error.or_else(|| own.last_error.clone()),
        ..Report::clone(&own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_reports_the_leaders_error_with_its_kind_and_whose_it_is() {
        let denied = Error::new(ErrorKind::Authentication, "invalid user or password").at("http://one:2379");
        let report = Report { phase: Phase::Denied, last_error: Some(denied), ..Report::default() };
        let error = error_of(77, Phase::Denied, Some(&problem_of(&report)));
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let said = "http://one:2379: invalid user or password (process 77, which follows etcd for this host)";
        assert_eq!(error.to_string(), said);
        let recovered = Report { phase: Phase::Watching, ..report };
        assert_eq!(problem_of(&recovered), "");
    }
}
