//! The layers of one client: prefixes in which a name is looked up, in order of precedence.
//!
//! A *name* is a key without the prefix of its layer. `store::View` resolves names in a snapshot.

use std::sync::Arc;

/// The prefixes of one client in order of precedence; none for a client without layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layers(Vec<Arc<[u8]>>);

impl Layers {
    /// Layers with these prefixes, the first one wins. A repeated prefix counts once, where it comes first.
    #[must_use]
    pub fn new(prefixes: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut layers: Vec<Arc<[u8]>> = Vec::new();
        for prefix in prefixes.into_iter().map(Arc::from) {
            if !layers.contains(&prefix) {
                layers.push(prefix);
            }
        }
        Self(layers)
    }

    /// The prefixes in order of precedence.
    #[must_use]
    pub fn prefixes(&self) -> &[Arc<[u8]>] {
        &self.0
    }

    /// Whether there are no layers.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `target` is looked up in the layers: a name, or a prefix of names.
    ///
    /// A target that starts with a slash is a key, and the empty one means every key.
    #[must_use]
    pub fn is_name(&self, target: &[u8]) -> bool {
        !self.0.is_empty() && target.first().is_some_and(|first| *first != b'/')
    }

    /// The names under which `key` is found: one for each layer that it is in.
    ///
    /// ```
    /// use etcd_discovery_core::layers::Layers;
    ///
    /// let layers = Layers::new([b"/shop/".to_vec(), b"/shop/eu/".to_vec()]);
    /// assert_eq!(layers.names_of(b"/shop/eu/limit").collect::<Vec<_>>(), [&b"eu/limit"[..], b"limit"]);
    /// ```
    pub fn names_of<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(|layer| key.strip_prefix(&**layer)).filter(|name| self.is_name(name))
    }
}
