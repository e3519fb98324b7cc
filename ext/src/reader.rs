//! The read path: `EtcdDiscovery[key]` and `Client#[]`.
//!
//! A reader keeps a Ruby Hash of the frozen strings that were read before. A read compares two atomics (is
//! there a newer snapshot, is this a forked child) and looks into the Hash; nothing is locked, allocated or
//! converted. When the generation has moved, only the keys that changed are dropped from the Hash, and each
//! is filled again when it is next read: a worker pays for the keys that it uses.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use etcd_discovery_core::epoch;
use etcd_discovery_core::error::{Error as CoreError, ErrorKind};
use etcd_discovery_core::session::Client as Core;
use etcd_discovery_core::store::{Key, Publication};
use magnus::rb_sys::{AsRawValue, FromRawValue, protect, resume_error};
use magnus::value::{InnerValue, Opaque};
use magnus::{Error, RHash, Ruby, TryConvert, Value, gc, method, prelude::*, typed_data::Obj};
use rb_sys::VALUE;

use crate::client::{Client, wait_ready};
use crate::error::{guarded, unwatched};
use crate::value::{bytes, string};

/// No generation: nothing has been read yet.
const NEVER: u64 = u64::MAX;

/// One client's reader. Guarded by the GVL.
pub(crate) struct Reader {
    core: Arc<Core>,
    publication: Arc<Publication>,
    boot_timeout: Duration,
    strings: Opaque<RHash>,
    /// The keys in `strings`, to find the changed ones among them without making a String for each.
    filled: RefCell<HashSet<Key>>,
    generation: Cell<u64>,
    epoch: Cell<u64>,
}

impl Reader {
    pub(crate) fn new(ruby: &Ruby, core: Arc<Core>, boot_timeout: Duration) -> Self {
        Self {
            publication: Arc::clone(core.publication()),
            core,
            boot_timeout,
            strings: ruby.hash_new().into(),
            filled: RefCell::default(),
            generation: Cell::new(NEVER),
            epoch: Cell::new(NEVER),
        }
    }

    pub(crate) const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn mark(&self, marker: &gc::Marker) {
        marker.mark(self.strings);
    }

    /// The value of a key that was read before and has not changed since.
    #[inline]
    unsafe fn known(&self, key: VALUE) -> Option<VALUE> {
        let current =
            self.generation.get() == self.publication.generation() && self.epoch.get() == epoch::current();
        // SAFETY: `key` is a live value; a plain String has hash and equality of its own, so that the
        // look-up runs no code of the user's and cannot raise. The Hash is alive: the object marks it.
        unsafe {
            if !current || !is_plain_string(key) {
                return None;
            }
            let strings = self.strings.get_inner_with(&Ruby::get_unchecked()).as_raw();
            let value = rb_sys::rb_hash_lookup2(strings, key, rb_sys::Qundef as VALUE);
            (value != rb_sys::Qundef as VALUE).then_some(value)
        }
    }

    /// The value of any key, with all that may have to be done before.
    fn find(&self, ruby: &Ruby, key: Value) -> Result<Value, Error> {
        let key = bytes(ruby, key)?;
        self.ensure_ready(ruby)?;
        self.catch_up(ruby)?;
        let published = self.publication.load();
        if let Some(entry) = published.snapshot().get(&key) {
            let strings = ruby.get_inner(self.strings);
            let (name, value) = (string(ruby, &key), string(ruby, &entry.value));
            strings.aset(name, value)?;
            self.filled.borrow_mut().insert(key.into());
            return Ok(value.as_value());
        }
        self.absent(ruby, &key).map(|()| ruby.qnil().as_value())
    }

    pub(crate) fn has_key(&self, ruby: &Ruby, key: Value) -> Result<bool, Error> {
        let key = bytes(ruby, key)?;
        self.ensure_ready(ruby)?;
        if self.publication.load().snapshot().get(&key).is_some() {
            return Ok(true);
        }
        self.absent(ruby, &key).map(|()| false)
    }

    /// A key that is not there may be nil only if it is watched: else its absence means nothing.
    fn absent(&self, ruby: &Ruby, key: &[u8]) -> Result<(), Error> {
        if self.core.settings().ranges.contains(key) { Ok(()) } else { Err(unwatched(ruby, key)) }
    }

    /// The first read starts the client when nothing else did; the first read after a fork resumes it.
    pub(crate) fn ensure_ready(&self, ruby: &Ruby) -> Result<(), Error> {
        self.core.resume().map_err(|error| crate::error::raised(ruby, &error))?;
        if self.publication.generation() > 0 {
            return Ok(());
        }
        if self.core.is_stopped() {
            let error = CoreError::new(ErrorKind::Closed, "the client was stopped before its first snapshot");
            return Err(crate::error::raised(ruby, &error));
        }
        self.core.start().map_err(|error| crate::error::raised(ruby, &error))?;
        wait_ready(ruby, &self.core, self.boot_timeout)
    }

    /// Drops from the Hash what has changed since it was filled.
    fn catch_up(&self, ruby: &Ruby) -> Result<(), Error> {
        let published = self.publication.load();
        if self.generation.get() != published.generation() {
            let strings = ruby.get_inner(self.strings);
            let mut filled = self.filled.borrow_mut();
            let mut changed = Vec::new();
            let told = published.each_change_since(self.generation.get(), |key| {
                changed.extend(filled.take(key));
            });
            if told {
                for key in changed {
                    strings.delete::<_, Value>(string(ruby, &key))?;
                }
            } else {
                filled.clear();
                strings.clear()?;
            }
            self.generation.set(published.generation());
        }
        self.epoch.set(epoch::current());
        Ok(())
    }
}

#[inline]
unsafe fn is_plain_string(value: VALUE) -> bool {
    // SAFETY: what is no special constant is a heap object, which begins with an `RBasic`.
    unsafe {
        !rb_sys::SPECIAL_CONST_P(value) && (*(value as *const rb_sys::RBasic)).klass == rb_sys::rb_cString
    }
}

/// The reader of the default client. The client itself is the one value that Rust keeps alive.
static DEFAULT: AtomicPtr<Reader> = AtomicPtr::new(ptr::null_mut());
static mut DEFAULT_CLIENT: VALUE = rb_sys::Qnil as VALUE;

/// `EtcdDiscovery[key]`.
unsafe extern "C" fn module_aref(module: VALUE, key: VALUE) -> VALUE {
    // SAFETY: the pointer is null or of the reader of a client that the root keeps alive.
    unsafe {
        if let Some(value) = DEFAULT.load(Ordering::Relaxed).as_ref().and_then(|reader| reader.known(key)) {
            return value;
        }
        finish(|ruby| {
            if DEFAULT.load(Ordering::Relaxed).is_null() {
                // Makes the default client from environment and defaults, or says what is missing.
                Value::from_raw(module).funcall::<_, _, Value>("client", ())?;
            }
            match DEFAULT.load(Ordering::Relaxed).as_ref() {
                Some(reader) => reader.find(ruby, Value::from_raw(key)),
                None => Err(Error::new(ruby.exception_runtime_error(), "there is no default client")),
            }
        })
    }
}

/// `Client#[key]`.
unsafe extern "C" fn client_aref(client: VALUE, key: VALUE) -> VALUE {
    // SAFETY: Ruby passes live values; the type of the receiver is checked before use.
    unsafe {
        let receiver = Value::from_raw(client);
        if let Some(value) = <&Client>::try_convert(receiver)
            .ok()
            .and_then(Client::reader_if_set)
            .and_then(|reader| reader.known(key))
        {
            return value;
        }
        finish(|ruby| {
            let client = Obj::<Client>::try_convert(receiver)?;
            client.reader(ruby)?.find(ruby, Value::from_raw(key))
        })
    }
}

/// Runs `body`, and raises what it fails with when nothing of Rust's is left to destroy.
unsafe fn finish(body: impl FnOnce(&Ruby) -> Result<Value, Error>) -> VALUE {
    // SAFETY: called from Ruby, on a Ruby thread that holds the GVL.
    let result = unsafe {
        let ruby = Ruby::get_unchecked();
        guarded(&ruby, || body(&ruby)).map(AsRawValue::as_raw)
    };
    match result {
        Ok(value) => value,
        // SAFETY: no frame below this one holds anything with a destructor.
        Err(error) => unsafe { resume_error(error) },
    }
}

/// `EtcdDiscovery.default_client = client` (nil: none).
fn set_default(ruby: &Ruby, _module: Value, client: Option<Obj<Client>>) -> Result<(), Error> {
    let (value, reader) = match client {
        Some(client) => (client.as_raw(), ptr::from_ref(client.reader(ruby)?).cast_mut()),
        None => (rb_sys::Qnil as VALUE, ptr::null_mut()),
    };
    DEFAULT.store(reader, Ordering::Relaxed);
    // SAFETY: written under the GVL only; the address is a registered root of the garbage collector.
    unsafe { DEFAULT_CLIENT = value };
    Ok(())
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("EtcdDiscovery")?;
    module.singleton_class()?.define_private_method("native_default=", method!(set_default, 1))?;
    let class = module.define_class("Client", ruby.class_object())?;
    protect(|| {
        // SAFETY: the functions have the arity that they are defined with; the root is a static.
        unsafe {
            type Cfunc = unsafe extern "C" fn() -> VALUE;
            type Aref = unsafe extern "C" fn(VALUE, VALUE) -> VALUE;
            rb_sys::rb_gc_register_address(&raw mut DEFAULT_CLIENT);
            let (of_module, of_client): (Aref, Aref) = (module_aref, client_aref);
            rb_sys::rb_define_singleton_method(
                module.as_raw(),
                c"[]".as_ptr(),
                Some(std::mem::transmute::<Aref, Cfunc>(of_module)),
                1,
            );
            rb_sys::rb_define_method(
                class.as_raw(),
                c"[]".as_ptr(),
                Some(std::mem::transmute::<Aref, Cfunc>(of_client)),
                1,
            );
        }
        rb_sys::Qnil as VALUE
    })
    .map(drop)
}
