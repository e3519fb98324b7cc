//! Resolves names in layers: a pure function over snapshots.
//!
//! The first layer that has the key wins, even if its value is empty. Nothing here is stored, so nothing can be out of
//! date: what changed is found by comparing two views.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::EntryRef;
use super::snapshot::{Key, Snapshot};
use crate::layers::Layers;
use crate::range::is_prefix;

/// What a client with layers reads in one snapshot.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    layers: &'a Layers,
    snapshot: &'a Snapshot,
}

/// The entry that is in force for a name or a key.
#[derive(Debug, Clone, Copy)]
pub struct Effective<'a> {
    /// The entry.
    pub entry: EntryRef<'a>,
    /// The position of its layer; `None` for a key that is in no layer.
    pub layer: Option<usize>,
}

/// A name whose effective entry differs between two views.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveChange {
    /// The name.
    pub name: Key,
    /// The revision of the change.
    pub revision: i64,
    /// The layer that has the new value; of a deletion, the one that had the last value.
    pub layer: Option<Key>,
}

impl<'a> View<'a> {
    /// The names of `layers` in `snapshot`. Without layers every name is a key.
    #[must_use]
    pub const fn new(layers: &'a Layers, snapshot: &'a Snapshot) -> Self {
        Self { layers, snapshot }
    }

    /// The entry that is in force for `name`, which may also be a key.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<Effective<'a>> {
        if !self.layers.is_name(name) {
            return self.snapshot.get(name).map(|entry| Effective { entry, layer: None });
        }
        let mut key = Vec::new();
        self.layers.prefixes().iter().enumerate().find_map(|(position, layer)| {
            key.clear();
            key.extend_from_slice(layer);
            key.extend_from_slice(name);
            self.snapshot.get(&key).map(|entry| Effective { entry, layer: Some(position) })
        })
    }

    /// The effective entries of the names that `target` means ([`is_prefix`]).
    #[must_use]
    pub fn of_target(&self, target: &[u8]) -> BTreeMap<Key, Effective<'a>> {
        if is_prefix(target) {
            return self.under(target);
        }
        self.get(target).map(|found| (Key::from(target), found)).into_iter().collect()
    }

    /// The effective entries of the names that begin with `prefix`, in the order of names.
    #[must_use]
    pub fn under(&self, prefix: &[u8]) -> BTreeMap<Key, Effective<'a>> {
        if self.layers.is_empty() {
            let entries = self.snapshot.entries_under(prefix);
            return entries.map(|entry| (Key::from(entry.key()), Effective { entry, layer: None })).collect();
        }
        let mut found = BTreeMap::new();
        for (position, layer) in self.layers.prefixes().iter().enumerate() {
            for entry in self.snapshot.entries_under(&[layer, prefix].concat()) {
                let name = entry.key().split_at(layer.len()).1;
                if self.layers.is_name(name) {
                    found.entry(Key::from(name)).or_insert(Effective { entry, layer: Some(position) });
                }
            }
        }
        found
    }

    /// What has happened to `name` since the view `older`; `None` if nothing has.
    ///
    /// Without `older`, since before the name existed.
    ///
    /// A change in a covered layer is nothing. A deletion that uncovers another layer is a change to its value.
    #[must_use]
    pub fn change_of(&self, name: &[u8], older: Option<&View>) -> Option<EffectiveChange> {
        let (before, now) = (older.and_then(|older| older.get(name)), self.get(name));
        if before.map(|one| one.entry) == now.map(|one| one.entry) {
            return None;
        }
        // A deletion leaves no revision behind, and what it uncovers may be older than what was already delivered.
        let uncovered = before.zip(now).is_some_and(|(before, now)| now.layer > before.layer);
        let revision = match now {
            Some(now) if !uncovered => now.entry.mod_revision(),
            _ => self.snapshot.revision(),
        };
        let layer = match (now, before.zip(older)) {
            (Some(now), _) => self.prefix_of(now),
            (None, Some((before, older))) => older.prefix_of(before),
            (None, None) => None,
        };
        Some(EffectiveChange { name: name.into(), revision, layer })
    }

    fn prefix_of(&self, effective: Effective) -> Option<Key> {
        self.layers.prefixes().get(effective.layer?).map(Key::clone)
    }
}

/// The names that a change of `keys` may concern, and of which `wanted` is true.
#[must_use]
pub fn names_of<'a>(
    layers: &Layers,
    keys: impl IntoIterator<Item = &'a Key>,
    wanted: impl Fn(&[u8]) -> bool,
) -> BTreeSet<Key> {
    let mut names = BTreeSet::new();
    for key in keys {
        names.extend(layers.names_of(key).filter(|name| wanted(name)).map(Key::from));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Change;
    use crate::store::Entry;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Nested prefixes, and one that is a prefix of another without being its parent.
    const PREFIXES: [&str; 6] = ["/", "/a/", "/a/b/", "/a/b/a/", "/b/", "/a//"];
    const TARGETS: [&str; 8] = ["a", "b", "a/", "b/", "b/a", "a/b/", "b/a/", "/a/b"];

    /// Puts and deletions at one revision. A lease that ends deletes all its keys at one.
    type Step = Vec<(String, Option<String>)>;

    fn key() -> impl Strategy<Value = String> {
        vec(prop::sample::select(vec!["a", "b", "/"]), 1..6).prop_map(|parts| format!("/{}", parts.concat()))
    }

    fn step() -> impl Strategy<Value = Step> {
        let value = prop::option::weighted(0.6, prop::sample::select(vec!["", "x", "y"]));
        vec((key(), value.prop_map(|value| value.map(str::to_owned))), 1..5)
    }

    /// What etcd has, as a plain map: the value of each key and the revision of its last put.
    type Reference = BTreeMap<String, (String, i64)>;

    /// The reference: tries one layer after the other.
    fn effective<'a>(
        layers: &[&str],
        content: &'a Reference,
        name: &str,
    ) -> Option<(String, &'a (String, i64))> {
        layers.iter().find_map(|layer| {
            let key = format!("{layer}{name}");
            content.get_key_value(&key).map(|(key, found)| (key.clone(), found))
        })
    }

    /// Every name that any key could have.
    fn all_names(content: &Reference) -> BTreeSet<String> {
        let ends = |key: &String| (1..key.len()).map(|at| key[at..].to_owned()).collect::<Vec<_>>();
        content.keys().flat_map(ends).filter(|name| !name.starts_with('/')).collect()
    }

    fn apply(content: &mut Reference, snapshot: &Snapshot, step: &Step) -> Snapshot {
        let revision = snapshot.revision() + 1;
        let change = |(key, value): &(String, Option<String>)| {
            let bytes = key.as_bytes();
            let entry = value.as_ref().map(|value| Entry::new(bytes.to_vec(), value.as_bytes(), revision, 0));
            match value {
                Some(value) => drop(content.insert(key.clone(), (value.clone(), revision))),
                None => drop(content.remove(key)),
            }
            Change { key: bytes.into(), mod_revision: revision, entry }
        };
        let changes = step.iter().map(change).collect();
        snapshot.after(changes, revision).0
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn winner(effective: Effective) -> (String, (String, i64)) {
        let entry = effective.entry;
        (text(entry.key()), (text(entry.value()), entry.mod_revision()))
    }

    proptest! {
        #[test]
        fn effective_values_and_effective_changes_are_those_of_a_search_through_the_layers(
            prefixes in vec(prop::sample::select(PREFIXES.to_vec()), 1..5),
            steps in vec(step(), 1..12),
            // The subscriber is not notified after each step; several steps become one change.
            notified in vec(any::<bool>(), 12),
        ) {
            let layers = Layers::new(prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()));
            let (mut content, mut snapshot) = (Reference::new(), Snapshot::default());
            let (mut old_content, mut old_snapshot) = (content.clone(), snapshot.clone());
            for (step, notified) in steps.iter().zip(notified) {
                snapshot = apply(&mut content, &snapshot, step);
                let view = View::new(&layers, &snapshot);
                let names = &all_names(&content) | &all_names(&old_content);
                for name in &names {
                    let right = effective(&prefixes, &content, name).map(|(key, found)| (key, found.clone()));
                    prop_assert_eq!(view.get(name.as_bytes()).map(winner), right, "{}", name);
                }
                for target in TARGETS.into_iter().filter(|target| !target.starts_with('/')).chain([""]) {
                    let prefix = target.is_empty() || target.ends_with('/');
                    let of_target =
                        |name: &&String| if prefix { name.starts_with(target) } else { *name == target };
                    let right: Vec<String> = names.iter().filter(of_target)
                        .filter(|name| effective(&prefixes, &content, name).is_some()).cloned().collect();
                    let found: Vec<String> = view.of_target(target.as_bytes()).keys().map(|name| text(name)).collect();
                    prop_assert_eq!(found, right, "under {}", target);
                }
                if !notified {
                    continue;
                }
                let older = View::new(&layers, &old_snapshot);
                let keys = old_snapshot.changed_keys(&snapshot);
                let changes: Vec<EffectiveChange> = names_of(&layers, &keys, |_| true).iter()
                    .filter_map(|name| view.change_of(name, Some(&older))).collect();
                let differs = |name: &&String| {
                    effective(&prefixes, &old_content, name) != effective(&prefixes, &content, name)
                };
                let right: Vec<String> = names.iter().filter(differs).cloned().collect();
                let found: Vec<String> = changes.iter().map(|change| text(&change.name)).collect();
                prop_assert_eq!(found, right, "the changed names");
                for change in &changes {
                    let name = text(&change.name);
                    let now = effective(&prefixes, &content, &name);
                    let key = now.or_else(|| effective(&prefixes, &old_content, &name)).unwrap().0;
                    prop_assert_eq!(format!("{}{name}", text(change.layer.as_ref().unwrap())), key);
                    prop_assert!(change.revision > old_snapshot.revision(), "{:?} was delivered before", change);
                }
                (old_content, old_snapshot) = (content.clone(), snapshot.clone());
            }
        }
    }

    fn snapshot(pairs: &[(&str, &str)]) -> Snapshot {
        let put = |((key, value), revision): (&(&str, &str), i64)| Change {
            key: key.as_bytes().into(),
            mod_revision: revision,
            entry: Some(Entry::new(key.as_bytes().to_vec(), value.as_bytes(), revision, 0)),
        };
        let changes = pairs.iter().zip(1..).map(put).collect();
        Snapshot::default().after(changes, i64::try_from(pairs.len()).unwrap()).0
    }

    fn layers(prefixes: &[&str]) -> Layers {
        Layers::new(prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()))
    }

    #[test]
    fn a_present_key_wins_even_when_its_value_is_empty() {
        let snapshot = snapshot(&[("/shared/limit", "5"), ("/host/limit", "")]);
        let layers = layers(&["/host/", "/shared/"]);
        let found = View::new(&layers, &snapshot).get(b"limit").unwrap();
        assert_eq!((found.entry.value(), found.layer), (&b""[..], Some(0)));
    }

    #[test]
    fn a_target_with_a_slash_in_front_is_a_key_and_without_layers_every_name_is_one() {
        let snapshot = snapshot(&[("/a/x", "1"), ("x", "2")]);
        let (with, without) = (layers(&["/a/"]), Layers::default());
        let value = |layers: &Layers, name: &str| {
            View::new(layers, &snapshot).get(name.as_bytes()).map(|found| text(found.entry.value()))
        };
        assert_eq!(value(&with, "/a/x").as_deref(), Some("1"));
        assert_eq!(value(&with, "x").as_deref(), Some("1"));
        assert_eq!(value(&without, "x").as_deref(), Some("2"));
        assert!(!with.is_name(b"") && !with.is_name(b"/x") && with.is_name(b"x") && !without.is_name(b"x"));
    }

    #[test]
    fn a_repeated_layer_counts_once_where_it_comes_first() {
        let prefixes = layers(&["/b/", "/a/", "/b/"]);
        assert_eq!(prefixes, layers(&["/b/", "/a/"]));
        assert_eq!(prefixes.names_of(b"/b/x").collect::<Vec<_>>(), [b"x"]);
    }
}
