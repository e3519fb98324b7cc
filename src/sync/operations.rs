//! The driver's requests. Each one ends in one event.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use etcd_client::{
    Client, GetOptions, GetResponse, Txn, TxnOp, TxnResponse, WatchOptions, WatchRequestSender,
    WatchResponseStream,
};

use super::event::{Event, Fault, Page, PageRequest, Peer};
use super::wire;
use crate::clock::Instant;
use crate::config::Settings;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::range::KeyRange;
use crate::transport::{CallError, Connection, Endpoints, Link, Login, MAX_MESSAGE, choose, dial};

pub(super) type Operation = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub(super) enum Outcome {
    Event(Event),
    Connected(Box<Connection>, Peer),
    Opened(WatchRequestSender, WatchResponseStream),
}

/// Connects to one of `endpoints`. Avoids the one that was `left` if there is another.
pub(super) fn connect(
    settings: Arc<Settings>,
    endpoints: Arc<Endpoints>,
    left: Option<Endpoint>,
    login: Option<Arc<Login>>,
) -> Operation {
    Box::pin(async move {
        if let Some(left) = left {
            endpoints.failed(&left, Instant::now());
        }
        let endpoint = match choose(&settings, &endpoints).await {
            Ok(endpoint) => endpoint,
            Err(error) => return lost(error),
        };
        match dial(&settings, &endpoints, &endpoint, login.as_ref()).await {
            Ok(connection) => {
                endpoints.succeeded(&endpoint);
                let trust = wire::trust(&connection.version);
                let version = connection.version.as_str().to_owned();
                let peer = Peer { endpoint: endpoint.to_string(), version, trust };
                Outcome::Connected(Box::new(connection), peer)
            }
            Err(error) if error.is_denial() => Outcome::Event(Event::Failed(Fault::Denied(error))),
            Err(error) => {
                endpoints.failed(&endpoint, Instant::now());
                lost(error)
            }
        }
    })
}

/// Reads a page.
pub(super) fn list(link: Arc<Link>, request: PageRequest) -> Operation {
    let keys = if request.limit == 1 { "one key" } else { "keys" };
    let doing = format!("list {keys} from {:?}", String::from_utf8_lossy(&request.start));
    Box::pin(async move {
        let options = wire::page_options(&request);
        let answered = read_page(&link, request, options).await;
        answer(&doing, answered, Event::Listed)
    })
}

/// Reads a page for an audit. Its failure is not an error; the watch shows real problems.
pub(super) fn audit(link: Arc<Link>, request: PageRequest) -> Operation {
    Box::pin(async move {
        let options = wire::audit_options(&request);
        let answered = read_page(&link, request, options).await;
        Outcome::Event(Event::Audited(answered.ok()))
    })
}

async fn read_page(link: &Link, request: PageRequest, options: GetOptions) -> Result<Page, CallError> {
    let read = link.download_page(|client| get(client, request.start.clone(), options.clone()));
    read.await.map(|(response, transfer)| wire::page(response, transfer))
}

async fn get(client: Client, start: Vec<u8>, options: GetOptions) -> Result<GetResponse, etcd_client::Error> {
    client.kv_client().max_decoding_message_size(MAX_MESSAGE).get(start, Some(options)).await
}

async fn transact(mut client: Client, gets: Vec<TxnOp>) -> Result<TxnResponse, etcd_client::Error> {
    client.txn(Txn::new().and_then(gets)).await
}

/// Reads only the header. With `at`, that revision must still be readable; it is read at `key`.
pub(super) fn verify(link: Arc<Link>, range: &KeyRange, at: Option<i64>) -> Operation {
    let (key, doing) = (range.start().to_vec(), format!("ask for the revision of {range}"));
    Box::pin(async move {
        let options = GetOptions::new().with_limit(1).with_keys_only();
        let options = match at {
            Some(revision) => options.with_revision(revision),
            None => options,
        };
        let read = |client| get(client, key.clone(), options.clone());
        answer(&doing, link.call(read).await, |response| {
            Event::Verified(wire::header(response.0.header.as_ref()))
        })
    })
}

/// Compares all watched ranges, now or `at` a revision, with their content at `since`.
pub(super) fn compare(link: Arc<Link>, settings: &Settings, since: i64, at: Option<i64>) -> Operation {
    let changed = |range| wire::changed_since(range, since, at);
    let named: Vec<_> = settings.ranges.as_slice().iter().take(3).map(ToString::to_string).collect();
    let doing = format!("compare {}", named.join(", "));
    let gets: Vec<TxnOp> = settings.ranges.as_slice().iter().map(changed).collect();
    Box::pin(async move {
        let read = |client| transact(client, gets.clone());
        answer(&doing, link.call(read).await, |response| Event::Compared(wire::comparison(&response)))
    })
}

/// Opens a stream with its first watch.
pub(super) fn watch(connection: Connection, start: Vec<u8>, options: WatchOptions) -> Operation {
    Box::pin(async move {
        let mut client = connection.client.watch_client().max_decoding_message_size(MAX_MESSAGE);
        match client.watch(start, Some(options)).await {
            Ok(stream) => {
                let (requests, responses) = stream.split();
                Outcome::Opened(requests, responses)
            }
            Err(error) => {
                let endpoint = connection.endpoint.to_string();
                Outcome::Event(Event::Failed(wire::fault(&error, &endpoint)))
            }
        }
    })
}

fn lost(error: Error) -> Outcome {
    Outcome::Event(Event::Failed(Fault::Lost(error)))
}

fn answer<T>(doing: &str, result: Result<T, CallError>, event: impl FnOnce(T) -> Event) -> Outcome {
    Outcome::Event(match result {
        Ok(answer) => event(answer),
        Err(CallError::Answered(error, endpoint)) => {
            Event::Failed(wire::fault(&error, &endpoint).during(doing))
        }
        Err(CallError::LoggingIn(error)) => Event::Failed(Fault::TokenExpired(error)),
        Err(CallError::Unanswered(error)) if error.is_denial() => Event::Failed(Fault::Denied(error)),
        Err(CallError::Unanswered(error)) => Event::Failed(Fault::Lost(error)),
    })
}
