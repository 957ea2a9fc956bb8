//! HTTP: tower layers that take the trace from a request and into a call, and log both.
//!
//! ```
//! use axum::{Router, extract::MatchedPath, routing::get};
//! use prisma_log_context::Tracer;
//! use prisma_log_tower::ServerLayer;
//!
//! # let log = slog::Logger::root(slog::Discard, slog::o!());
//! let tracer = Tracer::new(&log);
//! let layer = ServerLayer::new(tracer)
//!     .route(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
//!     .skip("/livez");
//! let stats = layer.stats();
//! let app: Router = Router::new().route("/orders/{id}", get(async || "…")).layer(layer);
//! assert_eq!(stats.in_flight(), 0);
//! ```
//!
//! - [`ServerLayer`] is for servers: it continues the trace that a request brings along, or begins
//!   one, runs the service in it, and the record of the span's end is the access log.
//! - [`ClientLayer`] is for clients that are tower services: it hands the trace on and logs the
//!   call. [`ClientCall`] does the same around any other client, such as reqwest.
//! - [`inject`] and [`extract`] are the headers alone.
//!
//! # Format
//! A request's record, attributes by OpenTelemetry's semantic conventions for HTTP (1.30); those
//! that are unknown are not there:
//!
//! ```text
//! {"timestamp":"…","level":"INFO","logger":"…","message":"GET /orders/{id}","trace_id":"…",
//!  "span_id":"…","parent_span_id":"…","slog.tag":"span","span.kind":"server",
//!  "span.status":"unset","duration_ms":1.25,"http.request.method":"GET","url.path":"/orders/7",
//!  "url.scheme":"http","http.route":"/orders/{id}","server.address":"shop.example",
//!  "server.port":8080,"client.address":"192.0.2.7","network.protocol.version":"1.1",
//!  "user_agent.original":"curl/8.5","http.response.status_code":200,
//!  "http.response.body.size":512}
//! ```
//!
//! | attribute | what it is |
//! | --- | --- |
//! | `http.request.method` | as the conventions know it, else `_OTHER`, with `http.request.method_original` |
//! | `url.path`, `url.query` | as the client sent it; the query by [`ServerLayer::query`], by default not at all |
//! | `url.scheme` | of the URI, of `x-forwarded-proto` from a proxy that is trusted, else [`ServerLayer::scheme`] |
//! | `http.route` | by [`ServerLayer::route`] |
//! | `server.address`, `server.port` | of the URI, else of `host`: whatever the client wrote there |
//! | `client.address`, `client.port`, `network.peer.address` | by [`ServerLayer::peer`] and [`ServerLayer::trusted_proxies`] |
//! | `http.request.body.size`, `http.response.body.size` | of `content-length`: a body without it has no size here, and one that ends early has the size that was announced |
//! | `http.request.header.NAME`, `http.response.header.NAME` | lists of texts, of the headers that were asked for |
//! | `error.type` | the status for 5xx, `panic`, `cancelled`, the type of the service's error, or `_OTHER` if that hides its type |
//! | `exception.message` | what the panic said |
//! | `slow` | `true` for what took longer than [`ServerLayer::slow`] |
//! | `propagation.fault` | what was wrong with the headers of the trace: see [`HeaderFault::as_str`](prisma_log_context::HeaderFault::as_str) |
//!
//! A text that came from elsewhere has at most 1024 bytes in the record. A call's record is of the
//! kind `client` and has `url.full` (without credentials, the query by [`ClientLayer::query`]) in
//! place of `url.*`.
//!
//! The duration ends when the response's head is there: the body may still be on its way.
//!
//! # Failure
//! - **A handler that panics:** level ERROR, `error.type` `panic`; then the panic goes on to
//!   whoever catches it. A layer that makes a response of panics belongs outside of this one.
//! - **A client that goes**, or a time-out outside of this layer: the future is dropped, level
//!   WARNING, `error.type` `cancelled`, span status `error`. It has no status code, because none was
//!   sent.
//! - **A service that returns an error:** level ERROR, its text as the status message.
//! - **Bad or hostile headers** never fail a request: the trace begins anew, the reason is counted in
//!   [`Propagation::faults`](prisma_log_context::Propagation::faults).
//! - What [`ServerLayer::skip`] and [`ServerLayer::keep_one_in`] leave out is counted in
//!   [`ServerStats::unlogged`].
//!
//! # Cost
//! The inner future runs in place, without an allocation of its own. The attributes are gathered in
//! one buffer, which the span takes over; a request that leaves no record because its trace is not
//! sampled is not described at all.
#![forbid(unsafe_code)]

mod captured;
mod client;
mod future;
mod headers;
mod query;
mod semantics;
mod server;

pub use client::{ClientCall, ClientLayer, ClientService};
pub use future::TracedFuture;
pub use headers::{IncomingHeaders, OutgoingHeaders, extract, inject};
pub use query::Query;
pub use server::{ServerLayer, ServerService, ServerStats};
