//! etcd's gRPC services over a simulated one: the calls that the driver uses; the rest is refused.

use std::pin::Pin;

use etcd_client::proto::*;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::super::event::PageRequest;
use super::etcd::{Outgoing, Progress, Simulated, State, Watcher, key_value};
use crate::clock::Instant;
use crate::range::{KeyRange, Ranges};
use crate::store::Entry;
use crate::transport::simulated::Incoming;

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Serves `etcd` to whatever connects.
pub(super) async fn serve(etcd: Simulated, incoming: Incoming) {
    let taken = etcd.clone();
    let connections = UnboundedReceiverStream::new(incoming).map(move |client| {
        let mut state = taken.lock();
        state.asked.connections += 1;
        Ok::<_, std::io::Error>(state.wire.attach(client))
    });
    tonic::transport::Server::builder()
        .add_service(PbKvServer::new(etcd.clone()))
        .add_service(PbWatchServer::new(etcd.clone()).max_encoding_message_size(usize::MAX))
        .add_service(PbMaintenanceServer::new(etcd))
        .serve_with_incoming(connections)
        .await
        .unwrap();
}

/// Methods that no one calls here, written as `async_trait` expands them, because it does not see into
/// macros.
macro_rules! refused {
    ($($method:ident: $request:ty => $response:ty;)*) => {$(
        fn $method<'a, 'b>(
            &'a self,
            _: Request<$request>,
        ) -> Pin<Box<dyn Future<Output = Answer<$response>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            Box::pin(async { Err(Status::unimplemented(stringify!($method))) })
        }
    )*};
}

#[async_trait]
impl PbKvService for Simulated {
    type RangeStreamStream = Answers<PbRangeStreamResponse>;

    async fn range(&self, request: Request<PbRangeRequest>) -> Answer<PbRangeResponse> {
        let answer = self.lock().range(&request.into_inner());
        self.delay().await;
        answer.map(Response::new)
    }

    async fn txn(&self, request: Request<PbTxnRequest>) -> Answer<PbTxnResponse> {
        let mut responses = Vec::new();
        for operation in request.into_inner().success {
            let Some(PbTxnOpRequest::RequestRange(range)) = operation.request else {
                return Err(Status::unimplemented("txn of other than reads"));
            };
            let answer = PbTxnOpResponse::ResponseRange(self.lock().range(&range)?);
            responses.push(PbResponseOp { response: Some(answer) });
        }
        let header = Some(self.header());
        self.delay().await;
        Ok(Response::new(PbTxnResponse { header, succeeded: true, responses }))
    }

    refused! {
        range_stream: PbRangeRequest => Answers<PbRangeStreamResponse>;
        put: PbPutRequest => PbPutResponse;
        delete_range: PbDeleteRequest => PbDeleteResponse;
        compact: PbCompactionRequest => PbCompactionResponse;
    }
}

#[async_trait]
impl PbMaintenanceService for Simulated {
    type SnapshotStream = Answers<PbSnapshotResponse>;

    async fn status(&self, _: Request<PbStatusRequest>) -> Answer<PbStatusResponse> {
        let state = self.lock();
        let version = state.conduct.version.to_owned();
        Ok(Response::new(PbStatusResponse {
            header: Some(state.header()),
            version,
            ..PbStatusResponse::default()
        }))
    }

    refused! {
        alarm: PbAlarmRequest => PbAlarmResponse;
        defragment: PbDefragmentRequest => PbDefragmentResponse;
        hash: PbHashRequest => PbHashResponse;
        hash_kv: PbHashKvRequest => PbHashKvResponse;
        snapshot: PbSnapshotRequest => Answers<PbSnapshotResponse>;
        move_leader: PbMoveLeaderRequest => PbMoveLeaderResponse;
        downgrade: PbDowngradeRequest => PbDowngradeResponse;
    }
}

#[async_trait]
impl PbWatchService for Simulated {
    type WatchStream = UnboundedReceiverStream<Result<PbWatchResponse, Status>>;

    async fn watch(&self, request: Request<Streaming<PbWatchRequest>>) -> Answer<Self::WatchStream> {
        let mut requests = request.into_inner();
        let (stream, responses) = mpsc::unbounded_channel();
        let etcd = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                etcd.lock().watch_request(request, &stream);
            }
            etcd.lock().watchers.retain(|watcher| !watcher.stream.same_channel(&stream));
        });
        Ok(Response::new(UnboundedReceiverStream::new(responses)))
    }
}

impl State {
    fn range(&mut self, request: &PbRangeRequest) -> Result<PbRangeResponse, Status> {
        self.asked.reads += 1;
        if let Some(status) = &self.conduct.refuse_reads {
            return Err(status.clone());
        }
        let revision = (request.revision > 0).then_some(request.revision);
        if self.conduct.compact_between_pages && revision.is_some() {
            self.content.write(Vec::new(), &Ranges::default(), Instant::now());
            self.content.compact();
        }
        if revision.is_some_and(|at| at > self.content.revision()) {
            return Err(Status::out_of_range("etcdserver: mvcc: required revision is a future revision"));
        }
        let range = KeyRange::from_request(&request.key, &request.range_end);
        let (start, end) = (request.key.clone(), range.range_end());
        let asked = PageRequest { start, end, limit: request.limit, revision };
        let gone = || Status::out_of_range("etcdserver: mvcc: required revision has been compacted");
        if !request.keys_only {
            self.asked.pages.push((String::from_utf8_lossy(&request.key).into_owned(), request.revision));
        }
        let mut page = self.content.page(&asked).ok_or_else(gone)?;
        self.work(page.count, page.entries.len());
        if page.entries.len() > self.conduct.most_at_once {
            return Err(Status::out_of_range(
                "decoded message length too large: found 7 bytes, the limit is: 6 bytes",
            ));
        }
        page.entries.retain(|entry| entry.mod_revision() >= request.min_mod_revision);
        if self.conduct.foreign_keys {
            page.entries.push(Entry::new(b"/zz".to_vec(), b"z", 1, 0));
        }
        Ok(PbRangeResponse {
            header: Some(self.header()),
            kvs: page.entries.iter().map(key_value).collect(),
            more: page.more,
            // As in etcd: the count covers all keys in the range, whatever the filter and the limit.
            count: page.count,
        })
    }

    fn watch_request(&mut self, request: PbWatchRequest, stream: &Outgoing) {
        match request.request_union {
            Some(PbWatchRequestUnion::CreateRequest(create)) => {
                self.asked.watches.push(create.start_revision);
                let range = KeyRange::from_request(&create.key, &create.range_end);
                self.create(range, create.start_revision, create.fragment, stream);
            }
            Some(PbWatchRequestUnion::ProgressRequest(_)) => self.tell_progress(stream),
            _ => {}
        }
    }

    fn create(&mut self, range: KeyRange, next: i64, fragments: bool, stream: &Outgoing) {
        let created =
            PbWatchResponse { header: Some(self.header()), created: true, ..PbWatchResponse::default() };
        let allowed = |prefixes: &[&[u8]]| prefixes.iter().any(|one| KeyRange::prefix(one) == range);
        let denied = !self.conduct.allowed.is_none_or(allowed);
        let denied = denied.then_some("etcdserver: permission denied");
        if let Some(reason) = self.conduct.refuse_watches.or(denied) {
            let cancel_reason = reason.to_owned();
            let refusal = PbWatchResponse { watch_id: -1, canceled: true, cancel_reason, ..created };
            let _ = stream.send(Ok(refusal));
            return;
        }
        let next = if next == 0 { self.content.revision() + 1 } else { next };
        // The server chooses the ids, for each stream separately.
        let watch_id = i64::try_from(self.watchers.len()).unwrap() + 5;
        let _ = stream.send(Ok(PbWatchResponse { watch_id, ..created }));
        self.watchers.push(Watcher { id: watch_id, range, next, fragments, stream: stream.clone() });
        self.tell_watchers();
    }

    fn tell_progress(&mut self, stream: &Outgoing) {
        self.asked.progress += 1;
        let mut header = self.header();
        let own = |watcher: &&Watcher| watcher.stream.same_channel(stream);
        let all_sent = self.watchers.iter().filter(own).all(|watcher| watcher.next > header.revision);
        match self.conduct.progress {
            Progress::Correct if all_sent => {}
            Progress::Correct | Progress::Silent => return,
            Progress::Hasty => {}
            Progress::Old(revision) => header.revision = revision,
        }
        let answer = PbWatchResponse { header: Some(header), watch_id: -1, ..PbWatchResponse::default() };
        let _ = stream.send(Ok(answer));
    }
}
