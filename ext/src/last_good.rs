//! Which values are not of the kind that a read asked for, and the last good values before them.
//!
//! A bad value in etcd must not take an application down (promise 13): the last good one stays in force
//! until a good one follows. A bad value is reported once for each change.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use etcd_discovery_core::notice::{Notice, Sink};
use etcd_discovery_core::session::Feed;
use etcd_discovery_core::store::{Entry, Key, View};
use magnus::{Error, RString, Ruby, Value, gc, prelude::*};

use crate::error::unparsable;
use crate::read::{Outcome, Read};
use crate::typed::Kind;
use crate::value::{name, string};
use crate::value_cache::ValueCache;

/// The last good values of one client's reader.
pub(crate) struct LastGood {
    /// Receives the reports of bad values, because no Ruby code may run in the middle of a read.
    notices: Arc<Feed>,
    /// The last good result for each kind and key.
    good: ValueCache,
    /// The keys and names that are in `good` or in `bad`.
    keys: RefCell<HashSet<Key>>,
    /// The entries that are not of a kind, by key or name and kind.
    bad: RefCell<BTreeMap<(Key, usize), Entry>>,
}

impl LastGood {
    pub(crate) fn new(notices: &Arc<Feed>) -> Self {
        let (good, keys, bad) = (ValueCache::default(), RefCell::default(), RefCell::default());
        Self { notices: Arc::clone(notices), good, keys, bad }
    }

    pub(crate) fn mark(&self, marker: &gc::Marker) {
        self.good.mark(marker);
    }

    /// Whether there is a good or a bad value of `key` here.
    pub(crate) fn knows(&self, key: &[u8]) -> bool {
        self.keys.borrow().contains(key)
    }

    /// Converts the value of the read's entry. The outcome is kept only for a `current` entry.
    pub(crate) fn evaluate(
        &self,
        ruby: &Ruby,
        read: &Read,
        name: RString,
        current: bool,
    ) -> Result<Outcome, Error> {
        if read.kind == Kind::Text {
            return Ok(Outcome::Value(string(ruby, read.entry.value()).as_value()));
        }
        if !self.is_known_bad(read) {
            match read.kind.parse(ruby, read.entry.value())? {
                Ok(value) if current => return self.keep_good(ruby, read, name, value),
                Ok(value) => return Ok(Outcome::Value(value)),
                Err(problem) if current => self.keep_bad(read, problem),
                Err(_) => {}
            }
        }
        match self.good.get(read.kind, name) {
            Some(last) => Ok(Outcome::Value(last)),
            None => Ok(Outcome::Bad(Self::error(ruby, read))),
        }
    }

    fn is_known_bad(&self, read: &Read) -> bool {
        let bad = self.bad.borrow();
        let known = bad.get(&read.place());
        known.is_some_and(|known| known == read.entry)
    }

    fn keep_good(&self, ruby: &Ruby, read: &Read, name: RString, value: Value) -> Result<Outcome, Error> {
        self.bad.borrow_mut().remove(&read.place());
        self.keys.borrow_mut().insert(Key::from(read.name));
        self.good.keep(ruby, read.kind, name, value)?;
        Ok(Outcome::Value(value))
    }

    fn keep_bad(&self, read: &Read, problem: String) {
        let (key, revision) = (read.entry.key(), read.entry.mod_revision());
        self.keys.borrow_mut().insert(Key::from(read.name));
        self.bad.borrow_mut().insert(read.place(), read.entry.clone());
        self.notices.notify(Notice::InvalidValue { key: key.to_vec(), revision, problem });
    }

    /// The error that says why the read's value is bad.
    fn error(ruby: &Ruby, read: &Read) -> Error {
        match read.kind.parse(ruby, read.entry.value()) {
            Ok(Err(problem)) => unparsable(ruby, read.entry.key(), read.entry.mod_revision(), &problem),
            Ok(Ok(_)) => Error::new(
                ruby.exception_runtime_error(),
                "internal error in etcd_discovery (a good value counted as bad); please report it",
            ),
            Err(error) => error,
        }
    }

    /// Forgets the last good value of a deleted key.
    pub(crate) fn forget(&self, ruby: &Ruby, key: &Key, name: RString) -> Result<(), Error> {
        self.keys.borrow_mut().remove(key);
        let kinds = Kind::ALL.map(|kind| (Key::clone(key), kind as usize));
        let mut bad = self.bad.borrow_mut();
        for place in kinds {
            bad.remove(&place);
        }
        drop(bad);
        self.good.forget(ruby, name)
    }

    /// Forgets every key and name that `view` lacks.
    pub(crate) fn forget_absent(&self, ruby: &Ruby, view: View) -> Result<(), Error> {
        let keys = self.keys.borrow();
        let gone: Vec<Key> = keys.iter().filter(|key| view.get(key).is_none()).map(Key::clone).collect();
        drop(keys);
        gone.iter().try_for_each(|key| self.forget(ruby, key, name(ruby, key)))
    }

    /// The bad values, to be checked again: they may have changed without being read.
    pub(crate) fn suspects(&self) -> Vec<(Key, Kind)> {
        let bad = self.bad.borrow();
        bad.keys().map(|(key, kind)| (Key::clone(key), Kind::ALL[*kind])).collect()
    }

    /// The keys whose values are bad for a read that was made of them, in key order.
    pub(crate) fn invalid_keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.bad.borrow().values().map(|entry| Key::from(entry.key())).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}
