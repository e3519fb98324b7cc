//! A watch of one key that starts in the past.

use std::time::Duration;

use etcd_client::{WatchOptions, WatchRequestSender, WatchResponseStream};
use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::secret::filtered;
use crate::sync::{Response, Trust, response, trust};
use crate::transport::{Link, MAX_MESSAGE, explain};

/// An open watch.
pub(super) struct PastWatch {
    pub(super) requests: WatchRequestSender,
    responses: WatchResponseStream,
    pub(super) trust: Trust,
    pub(super) endpoint: String,
}

/// What the server sent.
pub(super) enum Arrived {
    Message(Response),
    /// The start is compacted; this is the oldest revision left.
    Compacted(i64),
}

impl PastWatch {
    /// Uses the connection for requests: its messages are always read, so no request waits behind them.
    pub(super) async fn open(link: &Link, key: &[u8], start: i64) -> Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let (connection, _) = link.connect_until(deadline).await.map_err(Error::from)?;
        let options = WatchOptions::new().with_start_revision(start).with_fragment();
        let mut watches = connection.client.watch_client().max_decoding_message_size(MAX_MESSAGE);
        let endpoint = connection.endpoint.to_string();
        let opened = watches.watch(key, Some(options)).await;
        let (requests, responses) = opened.map_err(|error| explain(&error, &endpoint))?.split();
        Ok(Self { requests, responses, trust: trust(&connection.version), endpoint })
    }

    /// # Errors
    /// The reason for which the watch ended.
    pub(super) async fn next(&mut self) -> Result<Arrived> {
        let message = match self.responses.message().await {
            Ok(Some(message)) => message,
            Ok(None) => {
                return Err(Error::new(ErrorKind::Connection, "etcd ended the watch").at(&*self.endpoint));
            }
            Err(error) => return Err(explain(&error, &self.endpoint)),
        };
        if message.canceled() && message.compact_revision() > 0 {
            return Ok(Arrived::Compacted(message.compact_revision()));
        }
        if message.canceled() {
            return Err(canceled(message.cancel_reason()).at(&*self.endpoint));
        }
        Ok(Arrived::Message(response(message)))
    }
}

fn canceled(reason: &str) -> Error {
    let denied = reason.contains("permission denied");
    let kind = if denied { ErrorKind::Permission } else { ErrorKind::Connection };
    Error::new(kind, filtered(reason))
}

/// The oldest revision that can be read; `None` if etcd does not say.
pub(super) async fn oldest_revision(link: &Link, key: &[u8]) -> Option<i64> {
    // A watch from revision 1 is refused at once after a compaction. Without one, nothing arrives.
    let asked = timeout(Duration::from_secs(3), async {
        let mut watch = PastWatch::open(link, key, 1).await.ok()?;
        loop {
            match watch.next().await.ok()? {
                Arrived::Compacted(oldest) => return Some(oldest),
                Arrived::Message(message) if message.created => {}
                Arrived::Message(_) => return None,
            }
        }
    });
    asked.await.ok().flatten()
}
