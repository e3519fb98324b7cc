//! Converts the settings, which Ruby has checked one by one, to the core's [`Settings`].

use std::path::PathBuf;

use etcd_discovery_core::config::{Credentials, Discovery, Fleet, HostCopy, Secret, Settings, TlsFiles};
use etcd_discovery_core::endpoint::Endpoint;
use etcd_discovery_core::layers::Layers;
use etcd_discovery_core::range::{KeyRange, Ranges};
use magnus::{Error, RArray, RHash, Ruby, TryConvert, Value};

use crate::error::raised;
use crate::seconds::Seconds;
use crate::value::bytes;

/// Reads a Hash with Symbol keys.
///
/// # Errors
/// `ConfigurationError`, which names the setting.
pub(crate) fn read(ruby: &Ruby, hash: RHash) -> Result<Settings, Error> {
    let discovery = discovery(ruby, hash)?;
    let mut tls = TlsFiles {
        ca_file: optional::<PathBuf>(ruby, hash, "ca_file")?,
        cert_file: optional::<PathBuf>(ruby, hash, "cert_file")?,
        key_file: optional::<PathBuf>(ruby, hash, "key_file")?,
        server_name: optional(ruby, hash, "server_name")?,
    };
    let mut settings = if let Some(discovery) = discovery {
        // As etcdctl does: an attacker can forge a DNS record, but not a certificate for the domain.
        if !discovery.insecure && tls.server_name.is_none() {
            tls.server_name = Some(discovery.domain.clone());
        }
        Settings::discovering(discovery, ranges(ruby, hash)?)
    } else {
        let endpoints = endpoints(ruby, hash, tls != TlsFiles::default())?;
        Settings::new(endpoints, ranges(ruby, hash)?).map_err(|error| raised(ruby, &error))?
    };
    settings.layers = layers(ruby, hash)?;
    settings.tls = tls;
    settings.credentials = credentials(ruby, hash)?;
    settings.offline = optional::<PathBuf>(ruby, hash, "source")?.is_some();
    settings.member_sync = optional(ruby, hash, "member_sync")?.unwrap_or(false);
    settings.cache_path = optional(ruby, hash, "cache_path")?;
    settings.fleet = fleet(ruby, hash)?;
    settings.host_copy = host_copy(ruby, hash)?;
    let timing = &mut settings.timing;
    for (name, slot) in [
        ("connect_timeout", &mut timing.connect_timeout),
        ("request_timeout", &mut timing.request_timeout),
        ("keepalive_interval", &mut timing.keepalive_interval),
        ("keepalive_timeout", &mut timing.keepalive_timeout),
        ("progress_interval", &mut timing.progress_interval),
        ("max_staleness", &mut timing.max_staleness),
        ("backoff_cap", &mut timing.backoff_cap),
        ("audit_interval", &mut timing.audit_interval),
    ] {
        if let Some(seconds) = optional::<Seconds>(ruby, hash, name)? {
            *slot = seconds.0;
        }
    }
    Ok(settings)
}

fn host_copy(ruby: &Ruby, hash: RHash) -> Result<Option<HostCopy>, Error> {
    if let Some(folder) = optional(ruby, hash, "host_copy")? {
        return Ok(Some(HostCopy::At(folder)));
    }
    Ok(optional(ruby, hash, "host_copy_of_each_user_in")?.map(HostCopy::OfEachUserIn))
}

fn discovery(ruby: &Ruby, hash: RHash) -> Result<Option<Discovery>, Error> {
    let Some(domain) = optional::<String>(ruby, hash, "discovery_srv")? else { return Ok(None) };
    let service = optional(ruby, hash, "discovery_srv_name")?;
    let insecure = optional(ruby, hash, "insecure_discovery")?.unwrap_or(true);
    Discovery::new(&domain, service, insecure).map(Some).map_err(|error| raised(ruby, &error))
}

fn fleet(ruby: &Ruby, hash: RHash) -> Result<Option<Fleet>, Error> {
    let Some(prefix) = optional::<Value>(ruby, hash, "fleet")? else { return Ok(None) };
    let Some(host) = optional::<Value>(ruby, hash, "fleet_host")? else { return Ok(None) };
    Ok(Some(Fleet { prefix: bytes(ruby, prefix)?, host: bytes(ruby, host)? }))
}

fn endpoints(ruby: &Ruby, hash: RHash, tls: bool) -> Result<Vec<Endpoint>, Error> {
    let texts: Vec<String> = optional(ruby, hash, "endpoints")?.unwrap_or_default();
    let parsed: Result<_, _> = texts.iter().map(|text| Endpoint::parse(text, tls)).collect();
    parsed.map_err(|error| raised(ruby, &error))
}

/// Text that ends in a slash is a prefix, the empty text is everything, and anything else is one key.
fn ranges(ruby: &Ruby, hash: RHash) -> Result<Ranges, Error> {
    let targets = optional::<RArray>(ruby, hash, "watch")?.unwrap_or_else(|| ruby.ary_new());
    let mut ranges = Vec::with_capacity(targets.len());
    for target in targets {
        let target = bytes(ruby, target)?;
        ranges.push(KeyRange::target(&target));
    }
    Ok(Ranges::merge(ranges))
}

fn layers(ruby: &Ruby, hash: RHash) -> Result<Layers, Error> {
    let prefixes = optional::<RArray>(ruby, hash, "layers")?.unwrap_or_else(|| ruby.ary_new());
    let prefixes: Result<Vec<_>, _> = prefixes.into_iter().map(|prefix| bytes(ruby, prefix)).collect();
    Ok(Layers::new(prefixes?))
}

fn credentials(ruby: &Ruby, hash: RHash) -> Result<Option<Credentials>, Error> {
    let user: Option<String> = optional(ruby, hash, "user")?;
    let password: Option<String> = optional(ruby, hash, "password")?;
    Ok(user.map(|user| Credentials { user, password: Secret::new(password.unwrap_or_default()) }))
}

fn optional<T: TryConvert>(ruby: &Ruby, hash: RHash, name: &str) -> Result<Option<T>, Error> {
    hash.get(ruby.to_symbol(name)).map_or(Ok(None), <Option<T>>::try_convert)
}
