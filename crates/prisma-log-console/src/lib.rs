//! Console sink: colour for people, one JSON line per record for containers.
//!
//! ```
//! use prisma_log_console::{ConsoleSink, Stream};
//! use prisma_log_core::SinkDrain;
//! use prisma_log_format::JsonEncoder;
//! use slog::{info, o};
//!
//! // For people: on standard error, in colour if it is a terminal.
//! let sink = ConsoleSink::builder().build()?;
//! let log = slog::Logger::root(SinkDrain::new(sink), o!());
//! info!(log, "order processed"; "amount" => 99.9);
//!
//! // For a container: JSON lines on standard output.
//! let sink = ConsoleSink::builder().stream(Stream::Stdout).encoder(JsonEncoder::new()).build()?;
//! # drop(sink);
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! # Format
//!
//! By default a line for people: `08:00:00.123 INFO  shop.orders: order processed order=42`, with
//! the time of day in UTC. It is what [`TextEncoder`](prisma_log_format::TextEncoder) writes, with
//! a shorter time and, where [`Color`] says so, slog-term's colours. With an encoder of the
//! builder's, its lines as they are, never coloured.
//!
//! Whatever a record holds, control characters, escape sequences and characters that re-order text
//! reach the terminal only in escaped form: the colours are the sink's own.
//!
//! # Durability
//!
//! When [`write`](prisma_log_core::Sink::write) returned `Ok`, the records are with the kernel, in
//! the pipe, terminal or file that the stream leads to
//! ([`PageCache`](prisma_log_core::Durability::PageCache)); what the other end does with them is
//! unknown. There is no buffer between: a flush has nothing to do.
//!
//! # Failure
//!
//! The error tells exactly how many records of the batch were taken. Half a line can't be taken
//! back from a stream; the next write ends it first. When the reader went away (`plog tail … |
//! head`), that write fails with a broken pipe, and all later ones fail at once without trying:
//! the program goes on, and every record is counted. A stream that somebody made non-blocking and
//! that takes nothing for a second is an error.
//!
//! # Cost
//!
//! One `write` for each batch of up to 64 KiB; larger ones are split between records. It blocks as
//! long as the reader does not read. Two buffers that are reused, no allocation once they have
//! grown, no thread.
#![forbid(unsafe_code)]

mod builder;
mod color;
mod line;
mod sink;
mod stream;

pub use builder::ConsoleSinkBuilder;
pub use color::Color;
pub use sink::ConsoleSink;
pub use stream::Stream;
