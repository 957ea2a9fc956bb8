//! A tracer whose records are seen, and requests to try layers with.

use axum::body::Body;
use axum::extract::MatchedPath;
use http::{Request, Response};
use prisma_log_context::{ThreadContext, Tracer};
use prisma_log_core::{Filter, SinkDrain, SpanRecord, SpanStatus};
use prisma_log_testkit::{MemoryHandle, MemorySink, OwnedRecord};
use prisma_log_tower::ServerLayer;
use slog::Logger;
use tower::{Service, ServiceExt};

/// Sees all that is logged.
pub(crate) struct Seen {
    pub(crate) log: Logger<SinkDrain>,
    pub(crate) tracer: Tracer,
    pub(crate) records: MemoryHandle,
}

impl Seen {
    pub(crate) fn new() -> Self {
        let sink = MemorySink::new();
        let records = sink.handle();
        let drain = SinkDrain::builder()
            .sink("memory", Filter::default(), sink)
            .context(ThreadContext)
            .build();
        let log = Logger::root_typed(drain, slog::o!());
        Seen { tracer: Tracer::new(&log), log, records }
    }

    /// A layer as one would have it with axum.
    pub(crate) fn layer(&self) -> ServerLayer {
        ServerLayer::new(self.tracer.clone())
            .route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
    }

    /// The only record there is.
    pub(crate) fn only(&self) -> OwnedRecord {
        let mut records = self.records.take();
        assert_eq!(records.len(), 1, "{records:#?}");
        records.remove(0)
    }
}

/// The value of a field as text, or `-`.
pub(crate) fn field(record: &OwnedRecord, key: &str) -> String {
    record.fields.get(key).map_or("-".to_owned(), |value| value.to_string())
}

/// Message, level, span status and some fields, separated by ` | `.
pub(crate) fn line(record: &OwnedRecord, fields: &[&str]) -> String {
    let view = record.view();
    let span = SpanRecord::of(&view).expect("it is a span's record");
    let status = match span.status() {
        SpanStatus::Unset => "unset".to_owned(),
        status => format!("{} {}", status.as_str(), span.status_message()),
    };
    let mut line = vec![record.message.clone(), record.level.to_string(), status];
    line.extend(fields.iter().map(|key| field(record, key)));
    line.iter().map(|part| part.trim()).collect::<Vec<_>>().join(" | ")
}

pub(crate) fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

pub(crate) async fn call<S, R>(service: &S, request: Request<Body>) -> Response<R>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
{
    service.clone().oneshot(request).await.unwrap()
}
