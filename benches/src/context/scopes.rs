//! Being in a context, and leaving it again; spans from their start to their end.

use std::hint::black_box;

use prisma_log::Context;
use prisma_log_context::Tracer;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

use super::subject::{Running, Subject};
use super::target::{self, Written};

pub(super) const SCOPES: [Subject; 3] = [
    Subject::new("scope: prisma-log", "Context::enter, dropped", ours),
    Subject::new("scope: tracing", "Span::enter, Registry alone", registry),
    Subject::new("scope: tracing, fmt", "with the JSON layer", fmt),
];

pub(super) const SPANS: [Subject; 2] = [
    Subject::new("span: prisma-log", "started, entered, ended: a line", our_spans),
    Subject::new("span: tracing", "the same, fmt with a line on close", their_spans),
];

pub(super) fn request() -> Context {
    Context::new().user_id("user123").request_id("req789")
}

/// The same content as a span of tracing's.
pub(super) fn request_span() -> tracing::Span {
    tracing::info_span!(
        "request",
        trace_id = "0af7651916cd43dd8448eb211c80319c",
        span_id = "b7ad6b7169203331",
        user_id = "user123",
        request_id = "req789",
    )
}

fn ours() -> Result<Running, String> {
    let context = request();
    Ok(Running::silent(move |times| {
        for _ in 0..times {
            let _scope = black_box(&context).enter();
        }
    }))
}

fn registry() -> Result<Running, String> {
    tracing_subscriber::registry().init();
    Ok(entered())
}

fn fmt() -> Result<Running, String> {
    target::start_tracing(&Written::default());
    Ok(entered())
}

fn entered() -> Running {
    let span = request_span();
    Running::silent(move |times| {
        for _ in 0..times {
            let _entered = black_box(&span).enter();
        }
    })
}

fn our_spans() -> Result<Running, String> {
    let written = Written::default();
    let logging = target::logging(&written)?;
    let tracer = Tracer::new(&logging.logger("bench"));
    let settle = move || target::flush(&logging);
    Ok(Running::logging(&written, settle, move |times| {
        for number in 0..times {
            let span = tracer
                .span("charge card")
                .attribute("order", black_box(number))
                .attribute("currency", black_box("EUR"))
                .start();
            let _scope = span.enter();
        }
    }))
}

fn their_spans() -> Result<Running, String> {
    let written = Written::default();
    target::start_tracing_with(&written, FmtSpan::CLOSE);
    Ok(Running::logging(
        &written,
        || Ok(()),
        move |times| {
            for number in 0..times {
                let span = tracing::info_span!(
                    "charge card",
                    order = black_box(number),
                    currency = black_box("EUR"),
                );
                let _entered = span.enter();
            }
        },
    ))
}
