//! What processes must agree on to share one copy, as a number that names the shared folder.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use ring::{digest, pbkdf2};

use crate::config::{Settings, TlsFiles};

/// Rounds of the key derivation. The folder's name is seen by the user's own processes only; this makes guessing a weak
/// password from it expensive all the same.
const ROUNDS: std::num::NonZeroU32 = std::num::NonZeroU32::new(10_000).unwrap();

/// The fingerprint of settings, version, user and host.
///
/// Processes with the same one would hold the same copy, with the same rights, over the same network. The password is
/// part of it: a leader with a wrong one would keep the content from those with the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(u128);

/// What the settings do not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The layout of the shared memory.
    pub format: u64,
    /// The effective user.
    pub user: u32,
    /// The network namespace. The same address leads to different servers in different ones.
    pub network: u64,
    /// The time namespace. The clock that ages are counted by may be another in each.
    pub time: u64,
    /// The machine's present run: what survives a restart in a folder belongs to no one.
    pub boot: String,
}

impl Surroundings {
    /// Those of this process, which reads and writes the layout `format`.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn here(format: u64) -> Self {
        use std::os::unix::fs::MetadataExt;

        // Where /proc is not mounted, processes of different namespaces have different folders in all likelihood.
        let namespace = |path: &str| std::fs::metadata(path).map_or(0, |found| found.ino());
        let (network, time) = (namespace("/proc/self/ns/net"), namespace("/proc/self/ns/time"));
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { format, user: rustix::process::geteuid().as_raw(), network, time, boot }
    }
}

impl Identity {
    /// The fingerprint of `settings` in `surroundings`. It takes a few milliseconds if there is a password.
    #[must_use]
    pub fn of(settings: &Settings, surroundings: &Surroundings) -> Self {
        let mut fields = Fields(digest::Context::new(&digest::SHA256));
        fields.add("version", env!("CARGO_PKG_VERSION"));
        fields.add("format", surroundings.format.to_be_bytes());
        fields.add("user", surroundings.user.to_be_bytes());
        fields.add("network", surroundings.network.to_be_bytes());
        fields.add("time", surroundings.time.to_be_bytes());
        fields.add("boot", &surroundings.boot);
        fields.settings(settings);
        if let Some(credentials) = &settings.credentials {
            fields.add("etcd user", &credentials.user);
            let mut derived = [0; 16];
            let password = credentials.password.reveal().as_bytes();
            let salt = fields.0.clone().finish();
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt.as_ref(), password, &mut derived);
            fields.add("password", derived);
        }
        let hash = fields.0.finish();
        let (first, _) = hash.as_ref().split_at(16);
        Self(first.iter().fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }

    /// The number, for the control page.
    #[must_use]
    pub const fn number(&self) -> u128 {
        self.0
    }
}

/// The name of the shared folder.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Named values, hashed so that no two lists of them read the same.
struct Fields(digest::Context);

impl Fields {
    fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        for part in [name.as_bytes(), value.as_ref()] {
            self.0.update(&part.len().to_be_bytes());
            self.0.update(part);
        }
    }

    fn path(&mut self, name: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.add(name, path.as_os_str().as_encoded_bytes());
        }
    }

    fn time(&mut self, name: &str, time: Duration) {
        self.add(name, time.as_nanos().to_be_bytes());
    }

    fn settings(&mut self, settings: &Settings) {
        // Sorted: which member comes first does not change what is read.
        let mut endpoints: Vec<String> = settings.endpoints.iter().map(ToString::to_string).collect();
        endpoints.sort();
        endpoints.dedup();
        for endpoint in &endpoints {
            self.add("endpoint", endpoint);
        }
        if let Some(discovery) = &settings.discovery {
            self.add("domain", &discovery.domain);
            self.add("domain service", discovery.service.as_deref().unwrap_or_default());
            self.add("domain insecure", [u8::from(discovery.insecure)]);
        }
        for range in settings.ranges.as_slice() {
            self.add("start", range.start());
            self.add("end", range.range_end());
        }
        self.tls(&settings.tls);
        let timing = &settings.timing;
        for (name, time) in [
            ("connect_timeout", timing.connect_timeout),
            ("request_timeout", timing.request_timeout),
            ("keepalive_interval", timing.keepalive_interval),
            ("keepalive_timeout", timing.keepalive_timeout),
            ("progress_interval", timing.progress_interval),
            ("max_staleness", timing.max_staleness),
            ("backoff_cap", timing.backoff_cap),
            ("audit_interval", timing.audit_interval),
        ] {
            self.time(name, time);
        }
        self.add("page_size", settings.page_size.to_be_bytes());
        self.add("member_sync", [u8::from(settings.member_sync)]);
        self.path("cache_path", settings.cache_path.as_deref());
    }

    fn tls(&mut self, tls: &TlsFiles) {
        let TlsFiles { ca_file, cert_file, key_file, server_name } = tls;
        for (name, file) in [("ca_file", ca_file), ("cert_file", cert_file), ("key_file", key_file)] {
            self.path(name, file.as_deref());
        }
        if let Some(server_name) = server_name {
            self.add("server_name", server_name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Credentials, Discovery, Secret};
    use crate::endpoint::Endpoint;
    use crate::range::{KeyRange, Ranges};

    fn settings() -> Settings {
        let endpoints =
            ["http://one:2379", "http://two:2379"].map(|text| Endpoint::parse(text, false).unwrap());
        let mut settings =
            Settings::new(endpoints.into(), Ranges::merge([KeyRange::prefix(b"/a/")])).unwrap();
        settings.credentials =
            Some(Credentials { user: "ann".into(), password: Secret::new("correct horse") });
        settings
    }

    fn here() -> Surroundings {
        Surroundings { format: 1, user: 1_000, network: 7, time: 7, boot: "b".into() }
    }

    fn changed(change: impl FnOnce(&mut Settings)) -> Identity {
        let mut settings = settings();
        change(&mut settings);
        Identity::of(&settings, &here())
    }

    #[test]
    fn the_same_settings_in_the_same_place_have_the_same_fingerprint_in_any_order() {
        let same = changed(|_| ());
        assert_eq!(same, changed(|settings| settings.endpoints.reverse()));
        assert_eq!(
            (same.to_string().len(), u128::from_str_radix(&same.to_string(), 16)),
            (32, Ok(same.number()))
        );
    }

    /// Every setting that decides what is read, from where, with which rights and how fresh.
    #[test]
    fn every_other_setting_user_version_network_and_clock_has_another_fingerprint() {
        let second = |duration: &mut Duration| *duration += Duration::from_secs(1);
        let mut all = vec![
            changed(|_| ()),
            changed(|settings| settings.endpoints.truncate(1)),
            changed(|settings| settings.ranges = Ranges::merge([KeyRange::prefix(b"/b/")])),
            changed(|settings| settings.ranges = Ranges::merge([KeyRange::key(b"/a/")])),
            changed(|settings| settings.credentials = None),
            changed(|settings| settings.credentials.as_mut().unwrap().user = "bob".into()),
            changed(|settings| settings.credentials.as_mut().unwrap().password = Secret::new("x")),
            changed(|settings| settings.tls.ca_file = Some("/x".into())),
            changed(|settings| settings.tls.cert_file = Some("/x".into())),
            changed(|settings| settings.tls.key_file = Some("/x".into())),
            changed(|settings| settings.tls.server_name = Some("x".into())),
            changed(|settings| settings.discovery = Some(Discovery::new("x", None, false).unwrap())),
            changed(|settings| settings.discovery = Some(Discovery::new("x", None, true).unwrap())),
            changed(|settings| {
                settings.discovery = Some(Discovery::new("x", Some("y".into()), false).unwrap());
            }),
            changed(|settings| second(&mut settings.timing.connect_timeout)),
            changed(|settings| second(&mut settings.timing.request_timeout)),
            changed(|settings| second(&mut settings.timing.keepalive_interval)),
            changed(|settings| second(&mut settings.timing.keepalive_timeout)),
            changed(|settings| second(&mut settings.timing.progress_interval)),
            changed(|settings| second(&mut settings.timing.max_staleness)),
            changed(|settings| second(&mut settings.timing.backoff_cap)),
            changed(|settings| second(&mut settings.timing.audit_interval)),
            changed(|settings| settings.page_size = 7),
            changed(|settings| settings.member_sync = true),
            changed(|settings| settings.cache_path = Some("/x".into())),
        ];
        for there in [
            Surroundings { format: 2, ..here() },
            Surroundings { user: 0, ..here() },
            Surroundings { network: 8, ..here() },
            Surroundings { time: 8, ..here() },
            Surroundings { boot: "c".into(), ..here() },
        ] {
            all.push(Identity::of(&settings(), &there));
        }
        let count = all.len();
        all.sort_by_key(Identity::number);
        all.dedup();
        assert_eq!(all.len(), count);
    }

    /// Printable for a folder's name, and nothing of the password in it.
    #[test]
    fn the_fingerprint_shows_no_secret() {
        let shown = format!("{:?} {}", changed(|_| ()), changed(|_| ()));
        assert!(!shown.contains("horse") && !shown.contains("ann"), "{shown}");
    }
}
