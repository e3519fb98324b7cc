//! Leases that a caller grants and revokes itself, for keys that must disappear together.

use etcd_client::{LeaseGrantOptions, LeaseTimeToLiveOptions};

use super::client::Client;
use super::pending::Pending;
use crate::backoff;
use crate::error::{Error, Result};

/// What etcd says of a lease that has ended.
const MISSING: &str = "lease not found";

impl Client {
    /// Grants a lease of `ttl` seconds, which nothing renews. Returns its id.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn grant(&self, ttl: i64) -> Result<Pending<i64>> {
        if let Some(offline) = self.offline_backend()? {
            return Ok(Pending::done(Ok(offline.grant(ttl))));
        }
        // Chosen here, so that a request that is sent again does not grant a second one.
        let lease = fastrand::Rng::with_seed(backoff::seed()).i64(1..);
        self.request(move |link| async move {
            let ask = |client: etcd_client::Client| async move {
                let options = LeaseGrantOptions::new().with_id(lease);
                client.lease_client().grant(ttl, Some(options)).await
            };
            Ok(link.call(ask).await.map_err(Error::from)?.id())
        })
    }

    /// Renews `lease` once.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn renew(&self, lease: i64) -> Result<Pending<()>> {
        if self.offline_backend()?.is_some() {
            return Ok(Pending::done(Ok(())));
        }
        self.request(move |link| async move {
            // etcd-client sends the first renewal itself, and waits for its answer.
            let ask = |client: etcd_client::Client| async move {
                client.lease_client().keep_alive(lease).await.map(drop)
            };
            link.call(ask).await.map_err(Error::from)
        })
    }

    /// Revokes `lease`: everything under it is deleted, at one revision. One that has ended is no error.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn revoke(&self, lease: i64) -> Result<Pending<()>> {
        if let Some(offline) = self.offline_backend()? {
            offline.revoke(lease);
            return Ok(Pending::done(Ok(())));
        }
        self.request(move |link| async move {
            let ask = |client: etcd_client::Client| async move { client.lease_client().revoke(lease).await };
            match link.call(ask).await.map_err(Error::from) {
                Err(error) if !error.to_string().contains(MISSING) => Err(error),
                _ => Ok(()),
            }
        })
    }

    /// Revokes `lease` if no key is under it any more.
    ///
    /// Someone may have attached keys of their own: those stay.
    ///
    /// # Errors
    /// `Closed` after a stop.
    pub fn revoke_unused(&self, lease: i64) -> Result<Pending<()>> {
        if let Some(offline) = self.offline_backend()? {
            offline.revoke_unused(lease);
            return Ok(Pending::done(Ok(())));
        }
        self.request(move |link| async move {
            let look = |client: etcd_client::Client| async move {
                let options = LeaseTimeToLiveOptions::new().with_keys();
                client.lease_client().time_to_live(lease, Some(options)).await
            };
            let state = link.call(look).await.map_err(Error::from)?;
            if state.ttl() <= 0 || !state.keys().is_empty() {
                return Ok(());
            }
            let ask = |client: etcd_client::Client| async move { client.lease_client().revoke(lease).await };
            link.call(ask).await.map(drop).map_err(Error::from)
        })
    }
}
