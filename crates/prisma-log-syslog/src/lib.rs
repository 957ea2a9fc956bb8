//! Syslog sink: RFC 5424 and RFC 3164 over UDP, TCP, TLS and unix sockets.
//!
//! ```no_run
//! use prisma_log_core::SinkDrain;
//! use prisma_log_syslog::{Facility, SyslogSink, Transport};
//! use slog::{info, o};
//!
//! let sink = SyslogSink::builder(Transport::tcp("logs.example.com:601"))
//!     .facility(Facility::Local0)
//!     .app_name("shop")
//!     .build()?;
//! let log = slog::Logger::root(SinkDrain::new(sink), o!("version" => "1.4.2"));
//! info!(log, "order processed"; "order" => 42, "amount" => 99.9);
//! # Ok::<(), prisma_log_core::Error>(())
//! ```
//!
//! # Format
//!
//! By default a message of [RFC 5424](https://www.rfc-editor.org/rfc/rfc5424):
//!
//! ```text
//! <134>1 2026-11-24T08:00:00.123456Z web1 shop 4711 - [meta sequenceId="7"][record@32473
//! logger="shop.orders"][fields@32473 order="42" amount="99.9" version="1.4.2"] order processed
//! ```
//!
//! (in one line). The severity is 2 for CRITICAL, 3 for ERROR, 4 for WARNING, 6 for INFO, and 7 for
//! DEBUG and TRACE. The elements of structured data, each when there is something in it:
//!
//! | element | parameters |
//! | --- | --- |
//! | `opentelemetry` | `trace_id`, `span_id`, `trace_flags`, in hexadecimal digits |
//! | `meta` | `sequenceId`: the record's sequence number, from 1 to 2147483647, then 1 again |
//! | `record@32473` | `logger`; `level` (if it is `TRACE`); `parent_span_id`; `truncated`; `recovered`; `tag`; with [`site`](SyslogSinkBuilder::site) `code.file.path`, `code.line.number`, `code.function.name`, `code.module.name`; `fields_cut`, `message_cut` |
//! | `fields@32473` | the context's entries, the record's fields, the logger's |
//!
//! The last two change with [`sd_id`](SyslogSinkBuilder::sd_id).
//!
//! **Names.** A key becomes a parameter's name: bytes that may not stand in one, and `%`, as `%XX`;
//! the n-th field of the same key, n ≥ 2, as `KEY#n`; an empty key, or one that itself ends in `#`
//! and digits, always with such a number. A name has room for 32 characters. One that would be
//! longer is cut and ends in `%~1` (the second in `%~2`, …), and the parameter behind it, `%~1`,
//! holds the whole key.
//!
//! **Values.** Text is written as it is, numbers in the shortest form that reads back, nested
//! values as their JSON, bytes as `b"\xff"`. Text with control characters, line ends of any script
//! or characters that re-order a line, and text that begins with `"` or `b"`, is written as a JSON
//! string, in quotes and with its escapes. So what begins with `"` is to be read as JSON, all else
//! is the text itself; no record holds a line feed or a control character, and none can forge a
//! part of another. On top of that come the escapes of the RFC for `"`, `\` and `]`. With
//! [`typed`](SyslogSinkBuilder::typed), text that reads like a number or the like has quotes too.
//!
//! **Message.** By the same rule. A byte order mark stands before it, as the RFC demands, if it has
//! characters beyond ASCII; see [`bom`](SyslogSinkBuilder::bom).
//!
//! **Length.** A message that would be longer than [`max_message`](SyslogSinkBuilder::max_message)
//! is cut, and stays a valid one: parameters are left out whole, from the end, and the text is cut
//! between characters. Each of the two gives way to the other down to half of the room.
//! `fields_cut` says how many fields are missing, `message_cut` how many bytes of the text.
//!
//! **RFC 3164**, the default to a unix socket: `<134>Nov 24 08:00:00 web1 shop[4711]: ` and what
//! [`TextEncoder`](prisma_log_format::TextEncoder) writes after time and level:
//! `shop.orders: order processed order=42 amount=99.9`. To a unix socket without the host, as the
//! C library does it. The time is local, in the zone that the system had when the sink was built.
//! What is cut off is told in `fields.cut=3` and `fields.message_cut=120`; a logger's name has 128
//! bytes at most.
//!
//! # Durability
//!
//! **TCP, TLS and unix streams:** when [`write`](prisma_log_core::Sink::write) returned `Ok`, the
//! messages are with our kernel ([`PageCache`](prisma_log_core::Durability::PageCache)), which
//! delivers them even if the process is killed. They also stay in memory until the other end's
//! kernel has acknowledged them (on a unix stream: until they were read), and are sent again, from
//! the start of a message, if the connection breaks before that. When
//! [`flush`](prisma_log_core::Sink::flush) returned `Ok`, everything is acknowledged.
//!
//! That is not an answer of the server: syslog has none. What its kernel had acknowledged and the
//! server not read, when it ends, is lost; and so is what it read and threw away: measured, 1,800
//! messages for each restart of rsyslog under full load, 650 of syslog-ng.
//! [`resend`](SyslogSinkBuilder::resend) sends the last bytes once more after a connection ended,
//! at the price of duplicates.
//!
//! **Unix datagrams:** with the daemon's socket; what is in it when the daemon is restarted is lost
//! (`PageCache` too). **UDP:** somewhere ([`Memory`](prisma_log_core::Durability::Memory)).
//!
//! # Failure
//!
//! A server that is away, or takes nothing, is no fault of the records: the error carries
//! [`retry_after`](prisma_log_core::BatchError::retry_after) and the exact number of records taken,
//! so that a front end with a queue keeps the rest. Without one, records are lost and counted as
//! long as the server is away.
//!
//! - **No connection:** tried again after a random part of 0.1 s, then 0.2 s, and so on up to 30 s,
//!   so that a thousand services don't come back in step. The name is looked up each time, for five
//!   seconds at most; if nobody answers, the last known addresses are tried. All that happens on a
//!   thread of its own.
//! - **A connection that breaks** is replaced at once, within the same write, if the server is
//!   back within a second.
//! - **A server that takes nothing** for [`write_timeout`](SyslogSinkBuilder::write_timeout): the
//!   connection is kept, and half a message is finished later, before any other.
//! - **A network that swallows everything** is noticed after 20 s without an acknowledgement, by the
//!   kernel (`TCP_USER_TIMEOUT`, keep-alive).
//! - **TLS:** a server that can't show what [`Tls`](crate::Transport) asks for gets no message; nor
//!   does one that refuses our certificate. There is no way back to plain text.
//! - **UDP:** a machine that says that nobody listens makes the sink wait and try again; the first
//!   datagram on a socket, and after such an answer, waits 20 ms for it, so that it is not lost.
//!   Other losses can't be seen. [`SyslogStats`] counts what is known.
//! - **A datagram too large** for the kernel is cut further, down to 480 bytes.
//! - **A forked child** must call [`after_fork`](prisma_log_core::Sink::after_fork) before it
//!   writes: it connects for itself, and leaves to the parent what the parent wrote.
//! - **Dropped,** the sink waits a second at most for what is not acknowledged, says `close_notify`
//!   over TLS, and closes.
//!
//! # Cost
//!
//! Over a stream, for each batch of up to 16 KiB, one `read`, one `write` and one or two questions
//! to the kernel; a datagram is one system call. Memory holds what is in flight: as much as the
//! kernel's send buffer, a few megabytes when the network is slow, and `resend`. A thread runs only
//! while a connection is being made. The very first record waits for that, up to a second.
#![deny(unsafe_code, reason = "one question to the kernel has no safe form, and says why")]

mod builder;
mod facility;
mod form;
mod net;
mod origin;
mod protocol;
mod sink;
mod stats;
#[cfg(feature = "tls")]
mod tls;
mod transport;

pub use builder::SyslogSinkBuilder;
pub use facility::Facility;
pub use protocol::{Framing, Protocol};
pub use sink::SyslogSink;
pub use stats::SyslogStats;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use transport::Transport;
