//! OTLP sink: logs and spans to an OpenTelemetry collector over HTTP; spans to Zipkin.
//!
//! ```no_run
//! use prisma_log_core::{Error, Filter};
//! use prisma_log_otlp::OtlpSink;
//! use prisma_log_pipeline::Pipeline;
//! use slog::{info, o};
//!
//! let sink = OtlpSink::builder()
//!     .endpoint("http://collector.example.com:4318")
//!     .service_name("shop")
//!     .build()?;
//! let pipeline = Pipeline::builder().blocking_sink("otlp", Filter::default(), sink).build()?;
//! let log = slog::Logger::root_typed(pipeline.drain().named("shop.orders"), o!());
//! info!(log, "order processed"; "order" => 42, "amount" => 99.9);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Format
//!
//! [OTLP](https://opentelemetry.io/docs/specs/otlp/) 1.x over HTTP/1.1, binary or
//! [JSON](Protocol), compressed with gzip. Encoders of our own write records straight into a buffer
//! that is reused.
//!
//! | record | log record |
//! | --- | --- |
//! | timestamp | `time_unix_nano` and `observed_time_unix_nano`: whoever logs also observes |
//! | level | `severity_number` 1, 5, 9, 13, 17, 18 and `severity_text` `TRACE` to `CRITICAL` |
//! | message | `body` |
//! | logger | name of the instrumentation scope, by which records are grouped |
//! | trace id, span id, flags | `trace_id`, `span_id`, `flags` |
//! | first field `event.name`, if it is text | `event_name` |
//! | context entries, fields, the logger's fields | `attributes`, in this order |
//! | call site, if [wanted](OtlpSinkBuilder::site) | `code.file.path`, `code.line.number`, `code.column.number`, `code.function.name`, `code.module.name` |
//! | sequence number | `prisma_log.sequence` |
//! | found after a crash; bytes that were cut off | `prisma_log.recovered`, `prisma_log.truncated` |
//! | slog's tag | `slog.tag` |
//!
//! The sequence number has the project's name before it because OpenTelemetry keeps its own
//! namespaces, `log.record.*` among them, for itself. Together with `service.instance.id` it tells a
//! record that came twice.
//!
//! The record of a **span** ([`SpanRecord`](prisma_log_core::SpanRecord)) whose trace is sampled
//! (bit 0 of the flags) goes to the traces' endpoint: name, kind, status, start and end, parent,
//! attributes, events, numbers of what was dropped, flags; its level has no place there. That of
//! one that is not sampled is a log record like any other, with `parent_span_id`.
//!
//! **Values** keep their types: booleans, integers, floating-point numbers (NaN and infinities
//! among them), text, bytes; nested values become lists and maps, if they are JSON and not nested
//! deeper than 24 levels, else text. Integers beyond 63 bits and a sign become text. No value is an
//! empty one. **Keys** that repeat or are ours are renamed as in all encoders of the house, so that
//! [`decode_key`](prisma_log_format::decode_key) undoes it: `KEY#2`, `fields.KEY`.
//!
//! There is no gRPC: its HTTP/2 client and async runtime would be three times as many crates as the
//! whole sink, for the same bytes; every collector listens for HTTP, on port 4318 by custom.
//!
//! # Durability
//!
//! [`PeerAcknowledged`](prisma_log_core::Durability::PeerAcknowledged): when
//! [`write`](prisma_log_core::Sink::write) returned `Ok`, the collector has said that it has the
//! records. What that is worth, it decides: most keep them in memory.
//!
//! # Failure
//!
//! Each record ends as one that the collector took, or as one that is counted as dropped.
//!
//! | what happens | what becomes of the records |
//! | --- | --- |
//! | no connection, a broken one, no answer in [time](OtlpSinkBuilder::timeout), a certificate that is not valid | sent again after a random part of 0.1 s, then 0.2 s, and so on up to 30 s |
//! | 429, 502, 503, 504 | the same; when the answer has a `Retry-After`, in seconds or as a date, not before that (an hour at most) |
//! | 413 | sent in halves, down to one record, which is dropped; the size that went through is remembered |
//! | any other status than 2xx, a redirect too | dropped, with what the server says about it in the error |
//! | 200 with `partial_success` | as many as the server says are dropped; which, it doesn't say |
//!
//! Nothing is waited for within a write: records that are to be sent again are handed back to the
//! front end with a time ([`retry_after`](prisma_log_core::BatchError::retry_after)), and its queue
//! keeps them. Log records and spans of one batch are requests of their own; the sink remembers what
//! of a batch was taken, so that nothing is sent twice when the other request, or the other half,
//! has to wait. What was refused is told exactly, as
//! [`rejected`](prisma_log_core::BatchError::rejected): `submitted = delivered + dropped`. The
//! order of records within a batch is not kept.
//!
//! A record can come twice: when the connection breaks after the collector took a request and before
//! its answer is here, and when the process is killed in between. And what a queue's overflow or a
//! fallback takes away while a part of it had been taken is counted as lost.
//!
//! Log records wait for spans that can't be sent, and the other way round.
//!
//! Redirects are not followed, so that headers never go to another host; of an answer 64 KiB are
//! read. After [`Reopen`](prisma_log_core::SinkCommand::Reopen) connections are new, certificates are
//! read again, and no time is waited for. **A forked child** must call
//! [`after_fork`](prisma_log_core::Sink::after_fork), and is an instance of its own.
//!
//! # Cost
//!
//! One request for 512 records or 4 MiB, whatever comes first, on a connection that is kept (one
//! for logs, one for traces); three buffers of a request's size. The sink waits for answers, so it
//! belongs on a thread of its own: `blocking_sink` of a pipeline.
#![forbid(unsafe_code)]

mod builder;
mod deliver;
mod encode;
mod form;
mod protocol;
mod resource;
mod send;
mod settings;
mod sink;
mod stats;
#[cfg(feature = "zipkin")]
mod zipkin;

pub use builder::OtlpSinkBuilder;
pub use protocol::{Compression, Protocol};
pub use sink::OtlpSink;
pub use stats::OtlpStats;
#[cfg(feature = "zipkin")]
pub use zipkin::{ZipkinSink, ZipkinSinkBuilder};
