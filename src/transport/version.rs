//! What a server says of its version.

use super::explain::needs_login;

/// The version of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// The version, such as `3.5.21`.
    Known(String),
    /// etcd refuses to tell this user. Servers tell anyone, but for those of 3.5.28, 3.6.10 and later.
    Refused,
    /// The version is not known.
    Unknown,
}

impl Version {
    /// The version, or nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(version) => version,
            Self::Refused | Self::Unknown => "",
        }
    }

    /// What a refusal in etcd's own words says. A proxy's words say nothing of etcd.
    pub(super) fn after_refusal(said: &str) -> Self {
        let by_etcd = said.contains("etcdserver: permission denied") || needs_login(said);
        if by_etcd { Self::Refused } else { Self::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_etcds_own_refusal_says_something_of_its_version() {
        for said in ["etcdserver: permission denied", "etcdserver: user name is empty"] {
            assert_eq!(Version::after_refusal(said), Version::Refused, "{said}");
        }
        for said in ["etcdserver: no leader", "grpc-status header missing, HTTP status 403", ""] {
            assert_eq!(Version::after_refusal(said), Version::Unknown, "{said}");
        }
        assert_eq!((Version::Refused.as_str(), Version::Known("3.5.8".into()).as_str()), ("", "3.5.8"));
    }
}
