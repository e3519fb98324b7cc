//! `EtcdDiscovery::Registration`: its native part. Ruby code defines the public methods.

use std::sync::Arc;
use std::time::Instant;

use etcd_discovery_core::clock;
use etcd_discovery_core::error::Error as CoreError;
use etcd_discovery_core::registration::{KeyForm, Phase, Report, Spec};
use etcd_discovery_core::session::Registration as Core;
use etcd_discovery_core::store::Waker;
use magnus::{DataTypeFunctions, Error, RHash, RString, Ruby, TypedData, Value, method, prelude::*};

use super::client::Client;
use crate::error::{guarded, raised};
use crate::gvl::{self, Wait};
use crate::seconds::Seconds;
use crate::value::{bytes, string};

/// One registration.
#[derive(TypedData, DataTypeFunctions)]
#[magnus(class = "EtcdDiscovery::Registration", free_immediately)]
pub(crate) struct Registration(Core);

impl Registration {
    /// Registers `value` at `key`. With `under_lease`, the key in etcd is `<key>/<lease id>`.
    fn register(
        ruby: &Ruby,
        client: &Client,
        (key, value, address): (Value, Value, Value),
        under_lease: bool,
        ttl: i64,
        liveness: Option<Seconds>,
    ) -> Result<Self, Error> {
        let key = bytes(ruby, key)?;
        let spec = Spec {
            key: if under_lease { KeyForm::UnderLease(key) } else { KeyForm::Fixed(key) },
            value: bytes(ruby, value)?,
            address: bytes(ruby, address)?,
            ttl,
            liveness: liveness.map(|seconds| seconds.0),
        };
        let core = client.reader(ruby)?.core();
        core.register(spec).map(Self).map_err(|error| raised(ruby, &error))
    }

    fn state(&self) -> &'static str {
        let now = clock::Instant::now();
        self.0.report().map_or(Phase::Lost, |report| report.phase_at(now)).as_str()
    }

    fn native_state(ruby: &Ruby, this: &Self) -> Result<&'static str, Error> {
        guarded(ruby, || Ok(this.state()))
    }

    fn key(ruby: &Ruby, this: &Self) -> Result<Option<RString>, Error> {
        guarded(ruby, || Ok(this.0.key().map(|key| string(ruby, &key))))
    }

    fn deregister(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.deregister();
            Ok(())
        })
    }

    fn touch(ruby: &Ruby, this: &Self) -> Result<(), Error> {
        guarded(ruby, || {
            this.0.touch();
            Ok(())
        })
    }

    fn is_owned(ruby: &Ruby, this: &Self) -> Result<bool, Error> {
        guarded(ruby, || Ok(this.0.is_ours()))
    }

    fn report(ruby: &Ruby, this: &Self) -> Result<Option<RHash>, Error> {
        guarded(ruby, || this.0.report().map(|report| report_hash(ruby, &report)).transpose())
    }

    /// Waits until the key is in etcd, or the registration has ended. Returns whether the key is in etcd.
    fn wait_registered(ruby: &Ruby, this: &Self, timeout: Seconds) -> Result<bool, Error> {
        let registered = |report: &Report| {
            matches!(report.phase_at(clock::Instant::now()), Phase::Registered | Phase::Deregistered)
        };
        let deadline = Instant::now() + timeout.0;
        guarded(ruby, || {
            gvl::wait(ruby, &Condition { core: &this.0, deadline, ready: registered })?;
            Ok(this.state() == Phase::Registered.as_str())
        })
    }

    /// Waits until etcd has removed the key. Returns whether it has.
    fn wait_withdrawn(ruby: &Ruby, this: &Self, timeout: Seconds) -> Result<bool, Error> {
        let over = |report: &Report| report.withdrawn;
        let deadline = Instant::now() + timeout.0;
        guarded(ruby, || gvl::wait(ruby, &Condition { core: &this.0, deadline, ready: over }))
    }
}

fn report_hash(ruby: &Ruby, report: &Report) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    let set = |name: &str, value: Value| hash.aset(ruby.to_symbol(name), value);
    set("lease", ruby.into_value(report.lease))?;
    set("puts", ruby.into_value(report.puts))?;
    set("renewals", ruby.into_value(report.renewals))?;
    let left = report.proven_until.map(|until| until.saturating_duration_since(clock::Instant::now()));
    set("proven_for", ruby.into_value(left.map(|left| left.as_secs_f64())))?;
    set("withdrawn", ruby.into_value(report.withdrawn))?;
    let last_error = report.last_error.as_ref().map(|error| raised(ruby, error));
    set("last_error", ruby.into_value(last_error.and_then(|error| error.value())))?;
    Ok(hash)
}

/// A wait until the report satisfies `ready`.
struct Condition<'a, F> {
    core: &'a Core,
    deadline: Instant,
    ready: F,
}

impl<F: Fn(&Report) -> bool> Wait for Condition<'_, F> {
    fn is_over(&self) -> bool {
        self.core.report().is_some_and(|report| (self.ready)(&report))
    }

    /// In a forked child the wait ends at once, because the report never changes there.
    fn deadline(&self) -> Option<Instant> {
        Some(if self.core.is_ours() { self.deadline } else { Instant::now() })
    }

    fn waker(&self) -> Result<Arc<Waker>, CoreError> {
        let waker = Arc::new(Waker::new()?);
        self.core.add_waker(&waker);
        Ok(waker)
    }
}

fn register(
    ruby: &Ruby,
    client: &Client,
    what: (Value, Value, Value),
    under_lease: bool,
    ttl: i64,
    liveness: Option<Seconds>,
) -> Result<Registration, Error> {
    guarded(ruby, || Registration::register(ruby, client, what, under_lease, ttl, liveness))
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    let client = module.define_class("Client", ruby.class_object())?;
    client.define_private_method("native_register", method!(register, 4))?;
    let class = module.define_class("Registration", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_private_method("native_state", method!(Registration::native_state, 0))?;
    class.define_private_method("native_key", method!(Registration::key, 0))?;
    class.define_private_method("native_report", method!(Registration::report, 0))?;
    class.define_private_method("native_wait_registered", method!(Registration::wait_registered, 1))?;
    class.define_private_method("native_wait_withdrawn", method!(Registration::wait_withdrawn, 1))?;
    class.define_private_method("native_deregister", method!(Registration::deregister, 0))?;
    class.define_private_method("native_touch", method!(Registration::touch, 0))?;
    class.define_method("owned?", method!(Registration::is_owned, 0))?;
    Ok(())
}
