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
//! builder's, its lines, never coloured.
//!
//! A line of an encoder's has at most 16 KiB, with its end, unless
//! [`max_line_bytes`](ConsoleSinkBuilder::max_line_bytes) says otherwise: container runtimes split
//! longer ones. Of a record that is longer, the longest texts are cut on character boundaries, the
//! message and texts in fields alike, so that as little as possible is missing and the line stays
//! whole JSON; a nested value that is cut becomes a string. Where that is not enough (thousands of
//! numbers, monstrous keys), fields are left out, from the last on. How many bytes are missing,
//! counted before they are encoded, stands in the line as `truncated`, together with what an earlier
//! limit had cut. What an encoder writes of its own, such as the service, is not cut.
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
//! back from a stream; the next write ends it first.
//!
//! - **A reader that went away** (`plog tail … | head`): the write fails with a broken pipe, and all
//!   later ones fail at once without trying: the program goes on, and every record is counted. This
//!   needs SIGPIPE to be ignored, as Rust programs have it unless they change it.
//! - **A pipe with a name** can be opened by another reader: there the error says that the rest can be
//!   tried again, and what the pipe still held is there for the next reader.
//! - **A stream that somebody made non-blocking** and that is full is waited for, a second at most;
//!   then the error says that the rest can be tried again. Later writes don't wait until the stream
//!   takes something.
//! - **A file as standard output** on a full or read-only file system: the error says that the rest
//!   can be tried again.
//! - **A stream that is closed** when the program starts leads to `/dev/null` in Rust programs; one
//!   that is closed later is an error when the sink is built.
//!
//! Where records can be tried again, that is after 50 ms at first, then after twice as long each
//! time, up to half a second. A front end with a queue keeps them until then; from others they are
//! lost, and counted.
//!
//! # Cost
//!
//! One `write` for each batch of up to 64 KiB; larger ones are split between records. It blocks as
//! long as the reader does not read. Two buffers that are reused, no allocation once they have
//! grown, no thread. A line that is too long is encoded some fifteen times to find out how much of it
//! fits.
#![forbid(unsafe_code)]

mod builder;
mod color;
mod limit;
mod line;
mod sink;
mod stream;

pub use builder::ConsoleSinkBuilder;
pub use color::Color;
pub use sink::ConsoleSink;
pub use stream::Stream;
