//! The reads as Ruby calls them, `[]` and the typed ones: on the module, a client and a snapshot.
//!
//! They are bare C functions. What is known is answered without a frame that would need cleaning up, and
//! the rest goes through [`finish`].

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use magnus::rb_sys::{AsRawValue, FromRawValue, protect, resume_error};
use magnus::{Error, RClass, RModule, Ruby, TryConvert, Value, method, prelude::*, typed_data::Obj};
use rb_sys::VALUE;

use super::client::Client;
use super::client_pins;
use super::snapshot::Snapshot;
use crate::error::guarded;
use crate::reader::Reader;
use crate::typed::Kind;

/// The reader of the default client. The client itself is the one value that Rust keeps alive.
static DEFAULT: AtomicPtr<Reader> = AtomicPtr::new(ptr::null_mut());
static mut DEFAULT_CLIENT: VALUE = rb_sys::Qnil as VALUE;

/// `EtcdDiscovery[key]`.
unsafe extern "C" fn module_aref(module: VALUE, key: VALUE) -> VALUE {
    // SAFETY: the pointer is null or of the reader of a client that the root keeps alive.
    let known = unsafe { DEFAULT.load(Ordering::Relaxed).as_ref() }
        .filter(|_| !client_pins::any())
        // SAFETY: Ruby passes live values.
        .and_then(|reader| unsafe { reader.known_text(key) });
    // SAFETY: as above.
    known.unwrap_or_else(|| unsafe { module_find(module, Kind::Text, &[key]) })
}

/// `Client#[key]`.
unsafe extern "C" fn client_aref(client: VALUE, key: VALUE) -> VALUE {
    // SAFETY: this is a method of the class of clients, whose objects this library alone allocates; Ruby
    // passes live values.
    let known = unsafe { &*rb_sys::RTYPEDDATA_GET_DATA(client).cast::<Client>() }
        .reader_if_set()
        .filter(|_| !client_pins::any())
        // SAFETY: as above.
        .and_then(|reader| unsafe { reader.known_text(key) });
    // SAFETY: as above.
    known.unwrap_or_else(|| unsafe { client_find(client, Kind::Text, &[key]) })
}

/// `Snapshot#[key]`.
unsafe extern "C" fn snapshot_aref(snapshot: VALUE, key: VALUE) -> VALUE {
    // SAFETY: as for a client.
    let known = unsafe {
        (*rb_sys::RTYPEDDATA_GET_DATA(snapshot).cast::<Snapshot>()).value_cache().known(Kind::Text, key)
    };
    // SAFETY: as above.
    known.unwrap_or_else(|| unsafe { snapshot_find(snapshot, Kind::Text, &[key]) })
}

/// `EtcdDiscovery.json(key, default)` and so on.
unsafe extern "C" fn module_typed<const KIND: usize>(
    count: c_int,
    values: *const VALUE,
    module: VALUE,
) -> VALUE {
    // SAFETY: Ruby passes `count` live values; the pointer is null or of a living client's reader.
    unsafe {
        let (kind, arguments) = (Kind::ALL[KIND], arguments(count, values));
        let reader = DEFAULT.load(Ordering::Relaxed).as_ref().filter(|_| !client_pins::any());
        let known = reader.zip(key(arguments)).and_then(|(reader, key)| reader.known(kind, key));
        known.unwrap_or_else(|| module_find(module, kind, arguments))
    }
}

/// `Client#json(key, default)` and so on.
unsafe extern "C" fn client_typed<const KIND: usize>(
    count: c_int,
    values: *const VALUE,
    client: VALUE,
) -> VALUE {
    // SAFETY: as in `client_aref`.
    unsafe {
        let (kind, arguments) = (Kind::ALL[KIND], arguments(count, values));
        let receiver = &*rb_sys::RTYPEDDATA_GET_DATA(client).cast::<Client>();
        let reader = receiver.reader_if_set().filter(|_| !client_pins::any());
        let known = reader.zip(key(arguments)).and_then(|(reader, key)| reader.known(kind, key));
        known.unwrap_or_else(|| client_find(client, kind, arguments))
    }
}

/// `Snapshot#json(key, default)` and so on.
unsafe extern "C" fn snapshot_typed<const KIND: usize>(
    count: c_int,
    values: *const VALUE,
    snapshot: VALUE,
) -> VALUE {
    // SAFETY: as in `snapshot_aref`.
    unsafe {
        let (kind, arguments) = (Kind::ALL[KIND], arguments(count, values));
        let receiver = &*rb_sys::RTYPEDDATA_GET_DATA(snapshot).cast::<Snapshot>();
        let known = key(arguments).and_then(|key| receiver.value_cache().known(kind, key));
        known.unwrap_or_else(|| snapshot_find(snapshot, kind, arguments))
    }
}

unsafe fn arguments<'a>(count: c_int, values: *const VALUE) -> &'a [VALUE] {
    // SAFETY: the caller was called by Ruby with these.
    unsafe { std::slice::from_raw_parts(values, usize::try_from(count).unwrap_or(0)) }
}

/// The key of a well-formed call; a malformed one goes the long way, to its error.
const fn key(arguments: &[VALUE]) -> Option<VALUE> {
    match arguments {
        [key] | [key, _] => Some(*key),
        _ => None,
    }
}

/// The long way of a read on the module.
unsafe fn module_find(module: VALUE, kind: Kind, arguments: &[VALUE]) -> VALUE {
    // SAFETY: live values, on a Ruby thread.
    unsafe {
        finish(|ruby| {
            let mut client = Value::from_raw(DEFAULT_CLIENT);
            if client.is_nil() {
                // Makes the default client from environment and defaults, or says what is missing.
                client = Value::from_raw(module).funcall("client", ())?;
            }
            find(ruby, Obj::try_convert(client)?, kind, arguments)
        })
    }
}

/// The long way of a read on a client.
unsafe fn client_find(client: VALUE, kind: Kind, arguments: &[VALUE]) -> VALUE {
    // SAFETY: live values, on a Ruby thread.
    unsafe { finish(|ruby| find(ruby, Obj::try_convert(Value::from_raw(client))?, kind, arguments)) }
}

/// The long way of a read on a snapshot.
unsafe fn snapshot_find(snapshot: VALUE, kind: Kind, arguments: &[VALUE]) -> VALUE {
    // SAFETY: live values, on a Ruby thread.
    unsafe {
        finish(|ruby| {
            let (key, default) = checked(ruby, arguments)?;
            Obj::<Snapshot>::try_convert(Value::from_raw(snapshot))?.read(ruby, kind, key, default)
        })
    }
}

fn find(ruby: &Ruby, client: Obj<Client>, kind: Kind, arguments: &[VALUE]) -> Result<Value, Error> {
    let (key, default) = checked(ruby, arguments)?;
    let reader = client.reader(ruby)?;
    // Before the pin is looked at: it takes a snapshot.
    if let Some(reason) = reader.missing(ruby, client.as_value())? {
        return reader.without_snapshot(ruby, key, default, &reason);
    }
    if let Some(pinned) = client_pins::pinned(ruby, client)? {
        return pinned.read(ruby, kind, key, default);
    }
    reader.find(ruby, client.as_value(), kind, key, default)
}

fn checked(ruby: &Ruby, arguments: &[VALUE]) -> Result<(Value, Option<Value>), Error> {
    // SAFETY: the arguments of a call under way are live values.
    let value = |raw: &VALUE| unsafe { Value::from_raw(*raw) };
    match arguments {
        [key] => Ok((value(key), None)),
        [key, default] => Ok((value(key), Some(value(default)))),
        _ => {
            let message = format!("wrong number of arguments (given {}, expected 1..2)", arguments.len());
            Err(Error::new(ruby.exception_arg_error(), message))
        }
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
    guarded(ruby, || {
        let (value, reader) = match client {
            Some(client) => (client.as_raw(), ptr::from_ref(client.reader(ruby)?).cast_mut()),
            None => (rb_sys::Qnil as VALUE, ptr::null_mut()),
        };
        DEFAULT.store(reader, Ordering::Relaxed);
        // SAFETY: written under the GVL only; the address is a registered root of the garbage collector.
        unsafe { DEFAULT_CLIENT = value };
        Ok(())
    })
}

type Cfunc = unsafe extern "C" fn() -> VALUE;
type Aref = unsafe extern "C" fn(VALUE, VALUE) -> VALUE;
type Typed = unsafe extern "C" fn(c_int, *const VALUE, VALUE) -> VALUE;

/// Defines the typed read of one kind on all three.
macro_rules! define_typed {
    ($module:expr, $client:expr, $snapshot:expr, $name:literal, $kind:expr) => {{
        const KIND: usize = $kind as usize;
        let cfunc = |function: Typed| Some(std::mem::transmute::<Typed, Cfunc>(function));
        rb_sys::rb_define_singleton_method($module, $name.as_ptr(), cfunc(module_typed::<KIND>), -1);
        rb_sys::rb_define_method($client, $name.as_ptr(), cfunc(client_typed::<KIND>), -1);
        rb_sys::rb_define_method($snapshot, $name.as_ptr(), cfunc(snapshot_typed::<KIND>), -1);
    }};
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let module: RModule = ruby.define_module("EtcdDiscovery")?;
    module.singleton_class()?.define_method("native_default=", method!(set_default, 1))?;
    let client: RClass = module.const_get("Client")?;
    let snapshot: RClass = module.const_get("Snapshot")?;
    let (module, client, snapshot) = (module.as_raw(), client.as_raw(), snapshot.as_raw());
    protect(|| {
        // SAFETY: the functions have the arity that they are defined with; the root is a static.
        unsafe {
            rb_sys::rb_gc_register_address(&raw mut DEFAULT_CLIENT);
            let cfunc = |function: Aref| Some(std::mem::transmute::<Aref, Cfunc>(function));
            rb_sys::rb_define_singleton_method(module, c"[]".as_ptr(), cfunc(module_aref), 1);
            rb_sys::rb_define_method(client, c"[]".as_ptr(), cfunc(client_aref), 1);
            rb_sys::rb_define_method(snapshot, c"[]".as_ptr(), cfunc(snapshot_aref), 1);
            define_typed!(module, client, snapshot, c"json", Kind::Json);
            define_typed!(module, client, snapshot, c"integer", Kind::Integer);
            define_typed!(module, client, snapshot, c"float", Kind::Float);
            define_typed!(module, client, snapshot, c"boolean", Kind::Boolean);
            define_typed!(module, client, snapshot, c"list", Kind::List);
            define_typed!(module, client, snapshot, c"duration", Kind::Duration);
        }
        rb_sys::Qnil as VALUE
    })
    .map(drop)
}
