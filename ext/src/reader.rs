//! The read path of one client.
//!
//! A reader caches the results of earlier reads. A read compares two atomics (is there a newer snapshot, is this a
//! forked child) and looks its answer up, without a lock, an allocation or a conversion. After a new snapshot, only the
//! keys that changed are dropped, and each is converted again at its next read: a worker pays for the keys that it uses.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_discovery_core::epoch;
use etcd_discovery_core::error::Error as CoreError;
use etcd_discovery_core::session::Client as Core;
use etcd_discovery_core::store::{Entry, Key, Publication, Published, RECENT_KEYS, View};
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{Error, RArray, Ruby, Value, gc, prelude::*};
use rb_sys::VALUE;

use crate::error::unwatched;
use crate::last_good::LastGood;
use crate::read::{Outcome, Read};
use crate::string_cache::StringCache;
use crate::typed::Kind;
use crate::value::{name, with_bytes};
use crate::value_cache::ValueCache;

mod first_wait;
mod source;

use first_wait::FirstWait;
use source::Source;

/// Stands for no generation: nothing has been read yet.
const NEVER: u64 = u64::MAX;

/// Roughly the bytes of a changed key in a snapshot: its entry, and its share of the copied nodes.
const BYTES_PER_KEY: usize = 256;
/// Roughly how many bytes of nodes the change of one key copies.
const BYTES_PER_PATH: usize = 1_024;

/// One client's reader. Guarded by the GVL.
pub(crate) struct Reader {
    core: Arc<Core>,
    publication: Arc<Publication>,
    first_wait: FirstWait,
    string_cache: StringCache,
    value_cache: ValueCache,
    /// The entries that `value_cache` was made of.
    ///
    /// They show which cached keys have changed, without a String for each, and serve snapshots that hold the
    /// same entries.
    made_of: RefCell<HashMap<Key, Entry>>,
    last_good: LastGood,
    generation: Cell<u64>,
    source: Source,
    epoch: Cell<u64>,
    /// When the system last refused a thread to this forked child.
    refused_at: Cell<Option<Instant>>,
    /// The generation of the last snapshot whose weight was computed.
    weighed: Cell<u64>,
}

impl Reader {
    pub(crate) fn new(core: Arc<Core>, boot_timeout: Duration) -> Self {
        Self {
            publication: Arc::clone(core.publication()),
            last_good: LastGood::new(core.notices()),
            core,
            first_wait: FirstWait::new(boot_timeout),
            string_cache: StringCache::new(),
            value_cache: ValueCache::default(),
            made_of: RefCell::default(),
            generation: Cell::new(NEVER),
            source: Source::new(),
            epoch: Cell::new(epoch::current()),
            refused_at: Cell::new(None),
            weighed: Cell::new(0),
        }
    }

    /// Roughly how many bytes a snapshot taken now keeps beyond those of the last one.
    pub(crate) fn weight_since_last(&self, published: &Published) -> isize {
        let last = self.weighed.replace(published.generation());
        if last == published.generation() {
            return 0;
        }
        let mut keys = 0;
        if !published.each_change_since(last, |_| keys += 1) {
            keys = RECENT_KEYS.min(published.snapshot().len());
        }
        isize::try_from(BYTES_PER_PATH + keys * BYTES_PER_KEY).unwrap_or(isize::MAX)
    }

    pub(crate) const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn mark(&self, marker: &gc::Marker) {
        self.string_cache.mark(marker);
        self.value_cache.mark(marker);
        self.last_good.mark(marker);
    }

    #[inline]
    fn is_current(&self) -> bool {
        self.generation.get() == self.publication.loaded()
            && self.epoch.get() == epoch::current()
            && self.source.is_current()
    }

    /// The answer of an earlier read, if the key has not changed since.
    ///
    /// # Safety
    /// `key` is a live value, and the client that this belongs to is alive.
    #[inline]
    pub(crate) unsafe fn known(&self, kind: Kind, key: VALUE) -> Option<VALUE> {
        // Two functions, so that `[]` does not check the kind at run time.
        if kind == Kind::Text {
            // SAFETY: the caller of this function promises the same.
            return unsafe { self.known_text(key) };
        }
        // SAFETY: the caller passes a live value, and the client marks the cache.
        if self.is_current() { unsafe { self.value_cache.known(kind, key) } } else { None }
    }

    /// # Safety
    /// `key` is a live value, and the client that this belongs to is alive.
    #[inline]
    unsafe fn known_text(&self, key: VALUE) -> Option<VALUE> {
        if !self.is_current() {
            return None;
        }
        // SAFETY: the caller passes a live value, and the client marks both caches.
        unsafe { self.string_cache.get(key).or_else(|| self.value_cache.known(Kind::Text, key)) }
    }

    /// Any read.
    ///
    /// Starts, resumes and catches up first if needed. `default` is returned for a key that does not exist,
    /// and for a bad value that was never good.
    pub(crate) fn find(
        &self,
        ruby: &Ruby,
        client: Value,
        kind: Kind,
        key: Value,
        default: Option<Value>,
    ) -> Result<Value, Error> {
        if let Some(reason) = self.bring_up_to_date(ruby, client)? {
            return self.without_snapshot(ruby, key, default, &reason);
        }
        if let Some(value) = self.still_known(kind, key) {
            return Ok(value);
        }
        let published = self.publication.load();
        let generation = published.generation();
        let view = self.view(&published);
        let found = with_bytes(ruby, key, |bytes| {
            view.get(bytes).map(|found| (found.entry.to_entry(), found.layer.map(|_| Key::from(bytes))))
        })?;
        drop(published);
        let value = if let Some((entry, name)) = found {
            let name = name.as_deref().unwrap_or_else(|| entry.key());
            let outcome = self.make(ruby, &Read { kind, name, entry: &entry })?;
            outcome.or_default(default)?
        } else {
            self.ensure_key_watched(ruby, key)?;
            default.unwrap_or_else(|| ruby.qnil().as_value())
        };
        if kind == Kind::Text && self.generation.get() == generation {
            // SAFETY: `key` is a String, since its bytes were read above, and alive, since it is an argument.
            unsafe { self.string_cache.keep_identity(key.as_raw(), value.as_raw()) };
        }
        Ok(value)
    }

    /// The cached answer of a key that did not change, although others did.
    fn still_known(&self, kind: Kind, key: Value) -> Option<Value> {
        // SAFETY: `key` is an argument of the read, so it is alive, and so is the client.
        let value = unsafe { self.known(kind, key.as_raw()) }?;
        if kind == Kind::Text {
            // SAFETY: only Strings are known; both values are alive, the second since its cache marks it.
            unsafe { self.string_cache.keep_identity(key.as_raw(), value) };
        }
        // SAFETY: the cache marks the value.
        Some(unsafe { Value::from_raw(value) })
    }

    pub(crate) fn has_key(&self, ruby: &Ruby, client: Value, key: Value) -> Result<bool, Error> {
        if let Some(reason) = self.bring_up_to_date(ruby, client)? {
            return self.without_snapshot(ruby, key, None, &reason).map(|_| false);
        }
        let published = self.publication.load();
        if with_bytes(ruby, key, |bytes| self.view(&published).get(bytes).is_some())? {
            return Ok(true);
        }
        self.ensure_key_watched(ruby, key).map(|()| false)
    }

    /// Raises unless the key is watched. Only a watched key that is absent may read as nil.
    pub(crate) fn ensure_key_watched(&self, ruby: &Ruby, key: Value) -> Result<(), Error> {
        let (ranges, layers) = (&self.core.settings().ranges, &self.core.settings().layers);
        if with_bytes(ruby, key, |bytes| layers.is_name(bytes) || ranges.contains(bytes))? {
            return Ok(());
        }
        Err(with_bytes(ruby, key, <[u8]>::to_vec)
            .map_or_else(|error| error, |key| unwatched(ruby, &key, ranges)))
    }

    /// The outcome for the read's entry, cached or new.
    ///
    /// Snapshots use this too, so that they share the results for entries that are still current.
    pub(crate) fn make(&self, ruby: &Ruby, read: &Read) -> Result<Outcome, Error> {
        self.catch_up(ruby)?;
        let published = self.publication.load();
        let generation = published.generation();
        let current = self.view(&published).get(read.name).is_some_and(|now| now.entry == *read.entry);
        drop(published);
        let name = name(ruby, read.name);
        if current
            && self.is_made_of(read)
            && let Some(value) = self.value_cache.get(read.kind, name)
        {
            return Ok(Outcome::Value(value));
        }
        let outcome = self.last_good.evaluate(ruby, read, name, current)?;
        // While Ruby code ran, another thread may have caught up: the result may be outdated, so it is not cached.
        if let Outcome::Value(value) = outcome
            && current
            && self.generation.get() == generation
        {
            self.value_cache.keep(ruby, read.kind, name, value)?;
            if read.kind == Kind::Text {
                // SAFETY: `value` was just made and is on this stack.
                unsafe { self.string_cache.keep_text(name, value.as_raw()) };
            }
            self.made_of.borrow_mut().insert(Key::from(read.name), read.entry.clone());
        }
        Ok(outcome)
    }

    /// The keys whose current values are bad for a read that was made of them, in key order.
    pub(crate) fn invalid_keys(&self, ruby: &Ruby) -> Result<RArray, Error> {
        if self.publication.generation() > 0 {
            // A bad value may have changed since without being read.
            for (name, kind) in self.last_good.suspects() {
                let entry =
                    self.view(&self.publication.load()).get(&name).map(|found| found.entry.to_entry());
                if let Some(entry) = entry {
                    self.make(ruby, &Read { kind, name: &name, entry: &entry })?;
                }
            }
            self.catch_up(ruby)?;
        }
        let keys = self.last_good.invalid_keys();
        Ok(ruby.ary_from_iter(keys.iter().map(|key| name(ruby, key))))
    }

    fn is_made_of(&self, read: &Read) -> bool {
        self.made_of.borrow().get(read.name).is_some_and(|made_of| made_of == read.entry)
    }

    fn view<'a>(&'a self, published: &'a Published) -> View<'a> {
        View::new(&self.core.settings().layers, published.snapshot())
    }

    /// Prepares a read. Returns why there is nothing to read, if there is nothing.
    fn bring_up_to_date(&self, ruby: &Ruby, client: Value) -> Result<Option<CoreError>, Error> {
        let reason = self.missing(ruby, client)?;
        if reason.is_none() {
            self.catch_up(ruby)?;
        }
        Ok(reason)
    }

    /// Drops the cached results of entries that have changed.
    fn catch_up(&self, ruby: &Ruby) -> Result<(), Error> {
        let published = self.publication.load();
        let seen = self.generation.get();
        // Before the first publication there is nothing to drop. A snapshot of the past can be read even then, and must
        // not make the first current read believe that the client was started.
        if seen == published.generation() || published.generation() == 0 {
            self.source.change(published.followed());
            return Ok(());
        }
        self.string_cache.clear_identities();
        // If anything below fails, the next attempt clears everything.
        self.generation.set(NEVER);
        if seen == NEVER || !self.drop_changed(ruby, &published, seen)? {
            self.string_cache.clear();
            self.made_of.borrow_mut().clear();
            self.value_cache.clear(ruby)?;
            self.last_good.forget_absent(ruby, self.view(&published))?;
        }
        self.source.change(published.followed());
        self.generation.set(published.generation());
        Ok(())
    }

    fn drop_changed(&self, ruby: &Ruby, published: &Published, seen: u64) -> Result<bool, Error> {
        let view = self.view(published);
        let mut changed = Vec::new();
        {
            let mut made_of = self.made_of.borrow_mut();
            let mut look = |name: &[u8]| {
                // A change in a covered layer leaves a name's value as it is.
                let same = |made_of: &Entry| view.get(name).is_some_and(|now| now.entry == *made_of);
                if made_of.get(name).is_some_and(same) {
                    return;
                }
                if made_of.remove(name).is_some() || self.last_good.knows(name) {
                    changed.push(Key::from(name));
                }
            };
            let complete = published.each_change_since(seen, |key| {
                look(key);
                self.core.settings().layers.names_of(key).for_each(&mut look);
            });
            if !complete {
                return Ok(false);
            }
        }
        for key in changed {
            let name = name(ruby, &key);
            self.string_cache.forget_text(&key);
            self.value_cache.forget(ruby, name)?;
            if view.get(&key).is_none() {
                self.last_good.forget(ruby, &key, name)?;
            }
        }
        Ok(true)
    }
}
