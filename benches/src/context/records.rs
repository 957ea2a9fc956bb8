//! A record without a context, and in one.

use std::hint::black_box;

use super::scopes::{request, request_span};
use super::subject::{Running, Subject};
use super::target::{self, Written};
use crate::logs::Values;

pub(super) const RECORDS: [Subject; 2] = [
    Subject::new("record: prisma-log", "own macros, five fields", || ours(false)),
    Subject::new("record: tracing", "tracing::info!, fmt", || tracing(false)),
];

pub(super) const RECORDS_IN_CONTEXT: [Subject; 2] = [
    Subject::new("context: prisma-log", "in one: trace, span, user and request id", || ours(true)),
    Subject::new("context: tracing", "in a span with the same four", || tracing(true)),
];

fn ours(in_context: bool) -> Result<Running, String> {
    let written = Written::default();
    let logging = target::logging(&written)?;
    let log = logging.logger("bench");
    let context = in_context.then(request);
    let settle = move || target::flush(&logging);
    Ok(Running::logging(&written, settle, move |times| {
        let _scope = context.as_ref().map(prisma_log::Context::enter);
        for number in 0..times {
            let values = black_box(Values::of(number));
            prisma_log::info!(log, "request served";
                "number" => values.number,
                "millis" => values.millis,
                "method" => values.method,
                "route" => values.route,
                "bytes" => values.bytes,
            );
        }
    }))
}

/// Events to tracing-subscriber's JSON layer, in a span or in none.
pub(super) fn tracing(in_context: bool) -> Result<Running, String> {
    let written = Written::default();
    target::start_tracing(&written);
    let span = in_context.then(request_span);
    Ok(Running::logging(
        &written,
        || Ok(()),
        move |times| {
            let _entered = span.as_ref().map(::tracing::Span::enter);
            events(times);
        },
    ))
}

/// Events by tracing's macro, to whoever is its subscriber.
pub(super) fn events(times: u64) {
    for number in 0..times {
        let values = black_box(Values::of(number));
        tracing::info!(
            number = values.number,
            millis = values.millis,
            method = values.method,
            route = values.route,
            bytes = values.bytes,
            "request served"
        );
    }
}
