//! The reads as Ruby calls them, `[]` and the typed ones: on the module, a client and a snapshot.
//!
//! They are bare C functions. A known answer is returned without a Rust frame that would need cleaning up; every
//! other read goes through [`find`].

use std::cell::RefCell;
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use magnus::rb_sys::{AsRawValue, FromRawValue, protect, resume_error};
use magnus::value::BoxValue;
use magnus::{Error, RClass, RModule, Ruby, TryConvert, Value, method, prelude::*, typed_data::Obj};
use rb_sys::VALUE;

use super::client::Client;
use super::client_pins;
use super::snapshot::Snapshot;
use crate::error::guarded;
use crate::reader::Reader;
use crate::typed::Kind;

/// The reader of [`DEFAULT_CLIENT`].
static DEFAULT_READER: AtomicPtr<Reader> = AtomicPtr::new(ptr::null_mut());

static DEFAULT_CLIENT: Root = Root(RefCell::new(None));

/// The default client, kept alive as a root of Ruby's garbage collector.
struct Root(RefCell<Option<BoxValue<Value>>>);

// SAFETY: only methods that Ruby calls use the root, and they hold the GVL for as long as they borrow it.
unsafe impl Sync for Root {}

/// What a key is read from.
trait Receiver {
    /// The answer, if it is in a cache and still valid. Allocates nothing, and runs no Ruby code.
    ///
    /// # Safety
    /// `receiver` is the live object of this kind on which Ruby called the method; `key` is a live value.
    unsafe fn known(receiver: VALUE, kind: Kind, key: VALUE) -> Option<VALUE>;

    /// The answer, by whatever it takes.
    fn find(
        ruby: &Ruby,
        receiver: Value,
        kind: Kind,
        key: Value,
        default: Option<Value>,
    ) -> Result<Value, Error>;
}

/// `EtcdDiscovery`, which reads from its default client.
struct DefaultClient;

impl Receiver for DefaultClient {
    #[inline]
    unsafe fn known(_module: VALUE, kind: Kind, key: VALUE) -> Option<VALUE> {
        // SAFETY: null, or the reader of the client that `DEFAULT_CLIENT` keeps alive; both are replaced under the
        // GVL, which the caller holds.
        let reader = unsafe { DEFAULT_READER.load(Ordering::Relaxed).as_ref() }?;
        // SAFETY: the caller passes a live key, and the root keeps the reader's client alive.
        if client_pins::any() { None } else { unsafe { reader.known(kind, key) } }
    }

    fn find(
        ruby: &Ruby,
        module: Value,
        kind: Kind,
        key: Value,
        default: Option<Value>,
    ) -> Result<Value, Error> {
        // The borrow ends here: what makes the default client also sets it.
        let current = DEFAULT_CLIENT.0.borrow().as_deref().copied();
        let client = match current {
            Some(client) => client,
            // Makes the default client from environment and defaults, or says what is missing.
            None => module.funcall("client", ())?,
        };
        Client::find(ruby, client, kind, key, default)
    }
}

impl Receiver for Client {
    #[inline]
    unsafe fn known(client: VALUE, kind: Kind, key: VALUE) -> Option<VALUE> {
        // SAFETY: Ruby called a method of the class of clients, so the object's data is a `Client`: this library
        // alone allocates objects of the class, and the object lives for as long as the call.
        let client = unsafe { &*rb_sys::RTYPEDDATA_GET_DATA(client).cast::<Self>() };
        let reader = client.reader_if_set()?;
        // SAFETY: the caller passes a live key, and the reader belongs to the live client.
        if client_pins::any() { None } else { unsafe { reader.known(kind, key) } }
    }

    fn find(
        ruby: &Ruby,
        client: Value,
        kind: Kind,
        key: Value,
        default: Option<Value>,
    ) -> Result<Value, Error> {
        let client = Obj::<Self>::try_convert(client)?;
        let reader = client.reader(ruby)?;
        // Before the pin, which takes a snapshot at its first read.
        if let Some(reason) = reader.missing(ruby, client.as_value())? {
            return reader.without_snapshot(ruby, key, default, &reason);
        }
        if let Some(pinned) = client_pins::pinned(ruby, client)? {
            return pinned.read(ruby, kind, key, default);
        }
        reader.find(ruby, client.as_value(), kind, key, default)
    }
}

impl Receiver for Snapshot {
    #[inline]
    unsafe fn known(snapshot: VALUE, kind: Kind, key: VALUE) -> Option<VALUE> {
        // SAFETY: Ruby called a method of the class of snapshots, so the object's data is a `Snapshot`: the class
        // has no allocator of Ruby's, and the object lives for as long as the call.
        let snapshot = unsafe { &*rb_sys::RTYPEDDATA_GET_DATA(snapshot).cast::<Self>() };
        // SAFETY: the caller passes a live key, and the cache belongs to the live snapshot.
        unsafe { snapshot.value_cache().known(kind, key) }
    }

    fn find(
        ruby: &Ruby,
        snapshot: Value,
        kind: Kind,
        key: Value,
        default: Option<Value>,
    ) -> Result<Value, Error> {
        Obj::<Self>::try_convert(snapshot)?.read(ruby, kind, key, default)
    }
}

/// `receiver[key]`.
unsafe extern "C" fn aref<R: Receiver>(receiver: VALUE, key: VALUE) -> VALUE {
    // SAFETY: Ruby calls this with a live receiver of the kind that `init` defined it for, and a live key.
    unsafe { R::known(receiver, Kind::Text, key).unwrap_or_else(|| find::<R>(receiver, Kind::Text, &[key])) }
}

/// `receiver.json(key, default)`, and so on.
unsafe extern "C" fn typed<R: Receiver, const KIND: usize>(
    count: c_int,
    values: *const VALUE,
    receiver: VALUE,
) -> VALUE {
    // SAFETY: Ruby passes an array of `count` live values, which it keeps for as long as the call.
    let arguments = unsafe { std::slice::from_raw_parts(values, usize::try_from(count).unwrap_or(0)) };
    let kind = Kind::ALL[KIND];
    // A call with another number of arguments goes on to its error.
    let known = match arguments {
        // SAFETY: the receiver is alive and of the kind that `init` defined the method for; the key is alive.
        [key] | [key, _] => unsafe { R::known(receiver, kind, *key) },
        _ => None,
    };
    // SAFETY: this is a thread of Ruby's in a call of `receiver`, and the arguments are alive.
    known.unwrap_or_else(|| unsafe { find::<R>(receiver, kind, arguments) })
}

/// The read, or its exception, which is raised when no Rust value is left to drop.
///
/// # Safety
/// Only for a call from Ruby, on a thread that holds the GVL; all values are alive, and the caller's frame has
/// nothing to drop.
unsafe fn find<R: Receiver>(receiver: VALUE, kind: Kind, arguments: &[VALUE]) -> VALUE {
    // SAFETY: the caller is a thread of Ruby's that holds the GVL.
    let ruby = unsafe { Ruby::get_unchecked() };
    // SAFETY: a live value, as the caller promises.
    let value = |raw: VALUE| unsafe { Value::from_raw(raw) };
    let found = guarded(&ruby, || match arguments {
        [key] => R::find(&ruby, value(receiver), kind, value(*key), None),
        [key, default] => R::find(&ruby, value(receiver), kind, value(*key), Some(value(*default))),
        _ => {
            let message = format!("wrong number of arguments (given {}, expected 1..2)", arguments.len());
            Err(Error::new(ruby.exception_arg_error(), message))
        }
    });
    match found {
        Ok(found) => found.as_raw(),
        // SAFETY: this leaves by `longjmp`; neither this frame nor the caller's has anything left to drop.
        Err(error) => unsafe { resume_error(error) },
    }
}

/// `EtcdDiscovery.default_client = client` (nil: none).
fn set_default(ruby: &Ruby, _module: Value, client: Option<Obj<Client>>) -> Result<(), Error> {
    guarded(ruby, || {
        let reader = match client {
            Some(client) => ptr::from_ref(client.reader(ruby)?).cast_mut(),
            None => ptr::null_mut(),
        };
        // First no reader, so that there is none of a client that the root has let go of.
        DEFAULT_READER.store(ptr::null_mut(), Ordering::Relaxed);
        DEFAULT_CLIENT.0.replace(client.map(|client| BoxValue::new(client.as_value())));
        DEFAULT_READER.store(reader, Ordering::Relaxed);
        Ok(())
    })
}

type Cfunc = unsafe extern "C" fn() -> VALUE;
type Aref = unsafe extern "C" fn(VALUE, VALUE) -> VALUE;
type Typed = unsafe extern "C" fn(c_int, *const VALUE, VALUE) -> VALUE;
/// `rb_define_method`, or `rb_define_singleton_method`.
type Define = unsafe extern "C" fn(VALUE, *const std::ffi::c_char, Option<Cfunc>, c_int);

/// Defines the reads on one receiver.
///
/// # Safety
/// `define` defines methods on `owner` whose receivers are of the kind `R`.
unsafe fn define_reads<R: Receiver>(define: Define, owner: VALUE) {
    // SAFETY: Ruby calls a method with the arity that it is defined with here: 1 for `[]`, any number for the others.
    unsafe {
        define(owner, c"[]".as_ptr(), Some(std::mem::transmute::<Aref, Cfunc>(aref::<R>)), 1);
        let typed: [(_, Typed); 6] = [
            (c"json", typed::<R, { Kind::Json as usize }>),
            (c"integer", typed::<R, { Kind::Integer as usize }>),
            (c"float", typed::<R, { Kind::Float as usize }>),
            (c"boolean", typed::<R, { Kind::Boolean as usize }>),
            (c"list", typed::<R, { Kind::List as usize }>),
            (c"duration", typed::<R, { Kind::Duration as usize }>),
        ];
        for (name, function) in typed {
            define(owner, name.as_ptr(), Some(std::mem::transmute::<Typed, Cfunc>(function)), -1);
        }
    }
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module: RModule = ruby.define_module("EtcdDiscovery")?;
    module.singleton_class()?.define_method("native_default=", method!(set_default, 1))?;
    let client: RClass = module.const_get("Client")?;
    let snapshot: RClass = module.const_get("Snapshot")?;
    protect(|| {
        // SAFETY: the singleton methods of the module have the module as their receiver, the methods of a class its
        // objects; each class is that of the Rust type beside it.
        unsafe {
            define_reads::<DefaultClient>(rb_sys::rb_define_singleton_method, module.as_raw());
            define_reads::<Client>(rb_sys::rb_define_method, client.as_raw());
            define_reads::<Snapshot>(rb_sys::rb_define_method, snapshot.as_raw());
        }
        rb_sys::Qnil as VALUE
    })
    .map(drop)
}
