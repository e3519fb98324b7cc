//! The name of each notice and what it carries, for everything that passes notices on.

use super::{LocalCopy, Member, Notice};
use crate::error::Error;

/// One part of a notice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// There is none.
    Absent,
    /// Yes or no.
    Truth(bool),
    /// A number, such as a revision.
    Number(i64),
    /// A time in seconds.
    Seconds(f64),
    /// A word of this library.
    Word(&'a str),
    /// A key or a text of this library or of etcd.
    Text(&'a [u8]),
    /// A text of the application. It may hold what no other process should see.
    Private(&'a [u8]),
    /// What went wrong.
    Error(&'a Error),
}

impl<'a> From<Option<&'a Error>> for Field<'a> {
    fn from(error: Option<&'a Error>) -> Self {
        error.map_or(Self::Absent, Field::Error)
    }
}

impl<'a> From<Option<&'a str>> for Field<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Absent, |text| Field::Text(text.as_bytes()))
    }
}

impl From<u64> for Field<'_> {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

type Fields<'a> = Vec<(&'static str, Field<'a>)>;

fn copy(copy: LocalCopy) -> [(&'static str, Field<'static>); 2] {
    [("revision", Field::Number(copy.revision)), ("keys", Field::from(copy.keys as u64))]
}

fn member(member: &Member) -> [(&'static str, Field<'_>); 2] {
    let version = Some(member.version.as_str()).filter(|version| !version.is_empty());
    [("endpoint", Field::Text(member.endpoint.as_bytes())), ("server_version", version.into())]
}

fn all<'a>(parts: &[&[(&'static str, Field<'a>)]]) -> Fields<'a> {
    parts.concat()
}

impl Notice {
    /// Its name, as subscribers know it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connect",
            Self::Reconnected { .. } => "reconnect",
            Self::Disconnected { .. } => "disconnect",
            Self::Denied { .. } => "denied",
            Self::Relisted { .. } => "relist",
            Self::Reset { .. } => "reset",
            Self::Diverged { .. } => "divergence",
            Self::Stale { .. } => "stale",
            Self::Fresh { .. } => "fresh",
            Self::Registration { .. } => "registration",
            Self::InvalidValue { .. } => "invalid_value",
            Self::HostRole { .. } => "host_role",
            Self::CacheFailed { .. } => "cache_error",
            Self::Service { .. } => "service",
        }
    }

    /// What it carries. `EtcdDiscovery::EventType::ALL` documents each field.
    #[must_use]
    pub fn payload(&self) -> Fields<'_> {
        let once = ("count", Field::Number(1));
        match self {
            Self::Connected { member: peer, copy: held, inherited, after } => {
                let (after, inherited) = (Field::Seconds(after.as_secs_f64()), Field::Truth(*inherited));
                all(&[&member(peer), &copy(*held), &[("after", after), ("inherited", inherited)]])
            }
            Self::Reconnected { member: peer, copy: held, connections, after } => {
                let after = Field::Seconds(after.as_secs_f64());
                all(&[&member(peer), &copy(*held), &[("count", Field::from(*connections)), ("after", after)]])
            }
            Self::Disconnected { endpoint, copy: held, error, retry_within } => {
                let next = ("next_attempt", Field::Seconds(retry_within.as_secs_f64()));
                let endpoint = ("endpoint", Field::from(endpoint.as_deref()));
                all(&[&[endpoint], &copy(*held), &[("error", Field::Error(error)), next]])
            }
            Self::Denied { copy: held, error } => all(&[&copy(*held), &[("error", Field::Error(error))]]),
            Self::Relisted { copy: held } | Self::Reset { copy: held } => all(&[&[once], &copy(*held)]),
            Self::Diverged { copy: held, error } => {
                all(&[&[once], &copy(*held), &[("error", Field::Error(error))]])
            }
            Self::Stale { age, max_staleness, state, copy: held, error } => {
                let max_staleness = ("max_staleness", Field::Seconds(max_staleness.as_secs_f64()));
                let times = [("age", Field::Seconds(age.as_secs_f64())), max_staleness];
                let error = ("error", Field::from(error.as_ref()));
                all(&[&times, &[("state", Field::Word(state))], &copy(*held), &[error]])
            }
            Self::Fresh { age, after, copy: held } => {
                let (age, after) = (Field::Seconds(age.as_secs_f64()), Field::Seconds(after.as_secs_f64()));
                all(&[&[("age", age), ("after", after)], &copy(*held)])
            }
            Self::Registration { key, address, state, previous, lease, error } => vec![
                ("key", Field::Text(key)),
                ("address", Field::Private(address)),
                ("state", Field::Word(state)),
                ("previous", Field::Word(previous)),
                ("lease", lease.map_or(Field::Absent, Field::Number)),
                ("error", error.as_ref().into()),
            ],
            Self::InvalidValue { key, revision, problem } => vec![
                ("key", Field::Text(key)),
                ("revision", Field::Number(*revision)),
                ("problem", Field::Text(problem.as_bytes())),
            ],
            Self::HostRole { role, previous, leader, copy: held } => {
                let previous = previous.map_or(Field::Absent, Field::Word);
                let leader = ("leader_pid", Field::from(u64::from(*leader)));
                all(&[&[("role", Field::Word(role)), ("previous", previous), leader], &copy(*held)])
            }
            Self::CacheFailed { error } => vec![("error", Field::Error(error))],
            Self::Service { service, kind, message, .. } => vec![
                ("service", Field::Text(service)),
                ("type", Field::Word(kind)),
                ("message", Field::Private(message)),
            ],
        }
    }
}
