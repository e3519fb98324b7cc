//! `EtcdDiscovery::Client`: leases that Ruby code grants and revokes itself.

use magnus::{Error, RString, Ruby, method, prelude::*};

use super::client::Client;
use crate::error::guarded;
use crate::waits::Request;

/// Grants a lease of `ttl` seconds, which nothing renews. Returns its id.
fn grant(ruby: &Ruby, this: &Client, doing: RString, ttl: i64) -> Result<i64, Error> {
    guarded(ruby, || {
        let request = Request { ruby, doing: &doing.to_string()?, key: None };
        request.finish(this.core(ruby)?.grant(ttl))
    })
}

/// Renews a lease once.
fn renew(ruby: &Ruby, this: &Client, doing: RString, lease: i64) -> Result<(), Error> {
    guarded(ruby, || {
        let request = Request { ruby, doing: &doing.to_string()?, key: None };
        request.finish(this.core(ruby)?.renew(lease))
    })
}

/// Revokes a lease, which deletes all keys under it.
fn revoke(ruby: &Ruby, this: &Client, doing: RString, lease: i64) -> Result<(), Error> {
    guarded(ruby, || {
        let request = Request { ruby, doing: &doing.to_string()?, key: None };
        request.finish(this.core(ruby)?.revoke(lease))
    })
}

/// Revokes a lease that has no keys any more.
fn revoke_unused(ruby: &Ruby, this: &Client, doing: RString, lease: i64) -> Result<(), Error> {
    guarded(ruby, || {
        let request = Request { ruby, doing: &doing.to_string()?, key: None };
        request.finish(this.core(ruby)?.revoke_unused(lease))
    })
}

pub(crate) fn init(ruby: &Ruby) -> Result<(), Error> {
    let class = ruby.define_module("EtcdDiscovery")?.define_class("Client", ruby.class_object())?;
    class.define_private_method("native_grant", method!(grant, 2))?;
    class.define_private_method("native_revoke_unused", method!(revoke_unused, 2))?;
    class.define_private_method("native_renew", method!(renew, 2))?;
    class.define_private_method("native_revoke", method!(revoke, 2))?;
    Ok(())
}
