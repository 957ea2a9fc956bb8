//! systemd journal sink: the native protocol, every field by its name.
//!
//! ```no_run
//! use prisma_log_core::SinkDrain;
//! use prisma_log_journald::JournaldSink;
//! use slog::{info, o};
//!
//! let sink = JournaldSink::builder().identifier("shop").build()?;
//! let log = slog::Logger::root(SinkDrain::new(sink), o!());
//! info!(log, "order processed"; "amount" => 99.9);
//! // journalctl -t shop AMOUNT=99.9
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! A service whose standard error leads to the journal anyway ([`stream_is_journal`]) loses its
//! fields on the way: the journal takes lines from there. This sink sends them by name.
//!
//! # Format
//!
//! One entry a record, by [the native protocol](https://systemd.io/JOURNAL_NATIVE_PROTOCOL/):
//!
//! | field | value | sent |
//! | --- | --- | --- |
//! | `MESSAGE` | the message | always |
//! | `PRIORITY` | 2 for CRITICAL, 3 ERROR, 4 WARNING, 6 INFO, 7 DEBUG and TRACE | always |
//! | `LEVEL` | `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` | always |
//! | `LOGGER` | the logger's name | when it has one |
//! | `TIMESTAMP` | when the call was made, RFC 3339 in UTC, six fraction digits; the journal's own times say when it received the entry | always |
//! | `SYSLOG_IDENTIFIER` | the program's name | always |
//! | `SERVICE_NAME`, `SERVICE_VERSION`, `DEPLOYMENT_ENVIRONMENT_NAME` | from [`JournaldSinkBuilder::service`] | when given |
//! | `CODE_FILE`, `CODE_LINE`, `CODE_FUNC`, `CODE_MODULE` | the call site | unless switched off, when known |
//! | `TRACE_ID`, `SPAN_ID`, `PARENT_SPAN_ID` | lowercase hex, as W3C has it | when there is one |
//! | `TRACE_FLAGS` | two hex digits | with a trace id |
//! | `SLOG_TAG` | slog's tag | when there is one |
//! | `SEQ` | the record's sequence number | unless switched off, or 0 |
//! | `RECOVERED` | `true` | when the process that made the record died before it was sent |
//! | `TRUNCATED` | how many bytes were cut off | when the record was larger than allowed |
//! | context entries, then fields | see below | in their order |
//!
//! The process's number, user, unit, command line and more are the journal's own to add, from what
//! the kernel tells it; of a recovered record they are those of the process that sent it.
//!
//! **Names** in the journal are capitals, digits and underscores, 64 at most. A key is written in
//! capitals, every other character as `_`, after the builder's
//! [`prefix`](JournaldSinkBuilder::prefix): `http.request.method` becomes `HTTP_REQUEST_METHOD`.
//! `FIELDS_` stands before a name that would begin with a digit or `_`, that is in the table above,
//! or that the journal's tools take for the system's word (`SYSLOG_…`, `OBJECT_…`, `COREDUMP_…`,
//! `UNIT`, `USER_UNIT`, `INVOCATION_ID`, `USER_INVOCATION_ID`, `MESSAGE_ID`). Where a field of the
//! record has the name already, `_2`, `_3`, … are appended. So no user data can state a record's
//! level, time or origin, and no field hides another.
//!
//! **Values** arrive byte for byte, whatever is in them: texts and bytes as they are, nested values as
//! JSON, everything else as text: `true`, `null`, numbers as digits, floating-point ones with the
//! shortest digits that read back as the same number, `NaN`, `Infinity`, `-Infinity`.
//!
//! # Durability
//!
//! When [`write`](prisma_log_core::Sink::write) returned `Ok`, the entries are with the kernel, in the
//! queue of the journal's socket ([`PageCache`](prisma_log_core::Durability::PageCache)): they survive
//! the end of the process, and the journal reads them in order. Nothing is acknowledged, so a flush
//! has nothing to do. systemd keeps the socket with its queue while it restarts the journal. Lost is
//! what the journal had read but not stored when it was killed or the machine died (it synchronises
//! its files every five minutes, and after an entry of CRITICAL), and what it throws away itself:
//! above `RateLimitBurst=` (10,000 entries of a unit in 30 seconds unless the machine is told
//! otherwise), below `MaxLevelStore=`, or without room on its disk.
//!
//! # Failure
//!
//! The error tells exactly how many records of the batch were sent.
//!
//! - **A journal that is away** or does not take anything: the error says that the rest can be tried
//!   again, after 50 ms at first, then after twice as long each time, up to half a second. A front
//!   end with a queue keeps the records until then. A journal that came back is found by the next
//!   write, without an error if it came back in time.
//! - **A full queue** is waited for, a second at most unless [`patience`](JournaldSinkBuilder::patience)
//!   says otherwise; after one wait in vain, later writes don't wait until one succeeds.
//! - **A record that is too large** ([`max_record_bytes`](JournaldSinkBuilder::max_record_bytes)) is
//!   refused alone. Of one with more than 992 fields the rest is left out, and counted in `TRUNCATED`.
//! - **No socket at all** when the sink is built is an error: there is no journal in most containers.
//! - **A forked child** makes a connection of its own after
//!   [`after_fork`](prisma_log_core::Sink::after_fork).
//!
//! # Cost
//!
//! One system call for each record. An entry that is too large for a datagram (some 200 KiB unless
//! the system allows more) takes five: it goes to a sealed file in memory, which the journal maps. One
//! buffer that is reused and holds up to 1 MiB, no allocation once it has grown, no thread. The
//! journal itself takes several times as long to store an entry as the sink to send it, some 20 µs:
//! a program that logs faster for long waits for it.
#![forbid(unsafe_code)]

mod builder;
mod entry;
mod names;
mod sink;
mod socket;
mod stream;

pub use builder::JournaldSinkBuilder;
pub use sink::JournaldSink;
pub use stream::stream_is_journal;
