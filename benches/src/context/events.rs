//! What comes through the APIs of others: an event of `tracing`, a record of `log`.

use std::hint::black_box;

use prisma_log_bridge::{LogBridge, TracingBridge};

use super::records::{events, tracing};
use super::scopes::request_span;
use super::subject::{Running, Subject};
use super::target::{self, Written};
use crate::logs::Values;

pub(super) const EVENTS: [Subject; 2] = [
    Subject::new("event: prisma-log", "tracing::info! through our bridge", || ours(false)),
    Subject::new("event: tracing", "tracing::info!, fmt", || tracing(false)),
];

pub(super) const EVENTS_IN_SPAN: [Subject; 2] = [
    Subject::new("in span: prisma-log", "the same in a span of tracing's", || ours(true)),
    Subject::new("in span: tracing", "the same in a span", || tracing(true)),
];

pub(super) const LOG_RECORDS: [Subject; 2] = [
    Subject::new("log: prisma-log", "log::info! through our bridge", our_log),
    Subject::new("log: tracing-log", "log::info!, fmt; key-values are lost", their_log),
];

fn ours(in_span: bool) -> Result<Running, String> {
    let written = Written::default();
    let logging = target::logging(&written)?;
    TracingBridge::new(logging.drain()).install().map_err(|error| error.to_string())?;
    let span = in_span.then(request_span);
    let settle = move || target::flush(&logging);
    Ok(Running::logging(&written, settle, move |times| {
        let _entered = span.as_ref().map(::tracing::Span::enter);
        events(times);
    }))
}

fn our_log() -> Result<Running, String> {
    let written = Written::default();
    let logging = target::logging(&written)?;
    LogBridge::new(logging.drain()).install().map_err(|error| error.to_string())?;
    Ok(Running::logging(&written, move || target::flush(&logging), log_records))
}

fn their_log() -> Result<Running, String> {
    let written = Written::default();
    target::start_tracing(&written);
    Ok(Running::logging(&written, || Ok(()), log_records))
}

fn log_records(times: u64) {
    for number in 0..times {
        let Values { number, millis, method, route, bytes } = black_box(Values::of(number));
        log::info!(number, millis, method, route, bytes; "request served");
    }
}
