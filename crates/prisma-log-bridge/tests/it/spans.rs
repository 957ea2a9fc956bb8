//! Spans of `tracing` as contexts and records.

use prisma_log_context::{Context, Sampler, SpanKind, SpanStatus};
use prisma_log_core::Value;
use prisma_log_testkit::OwnedRecord;
use slog::{Logger, o};
use tracing::{error, info, info_span, trace_span};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{find, keep, messages, with_span};

fn ids(record: &OwnedRecord) -> (String, String) {
    let context = &record.context;
    (context.trace_id.unwrap().to_string(), context.span_id.unwrap().to_string())
}

#[test]
fn records_of_every_api_carry_the_span() {
    let kept = keep("trace");
    let log = Logger::root_typed(kept.pipeline.drain().named("shop"), o!());
    let bridge = prisma_log_bridge::LogBridge::new(kept.pipeline.drain());
    let records = kept.under(|| {
        let outer = info_span!(target: "shop::http", "outer", order = 7);
        let _outer = outer.enter();
        slog::info!(log, "by slog");
        info_span!("inner").in_scope(|| {
            log::info!(logger: bridge, "by log");
            info!("by tracing");
        });
        info!("in outer again");
    });
    let (outer, inner) = (find(&records, "outer"), find(&records, "inner"));
    assert_eq!(outer.logger, "shop::http");
    assert_eq!((outer.site.file.as_str(), outer.site.module.as_str()), (file!(), module_path!()));
    assert!(outer.site.line > 0);
    assert_eq!(outer.context.parent_span_id, None);
    assert_eq!(inner.context.parent_span_id, outer.context.span_id);
    for (message, span) in
        [("by slog", outer), ("by log", inner), ("by tracing", inner), ("in outer again", outer)]
    {
        assert_eq!(ids(find(&records, message)), ids(span), "{message}");
    }
    assert_eq!(Context::current(), None);
}

#[test]
fn parents() {
    let ours = Context::new().user_id("u1");
    let records = keep("trace").under(|| {
        let elsewhere = info_span!("elsewhere");
        let _in_ours = ours.enter();
        info_span!("below ours").in_scope(|| {
            info_span!(parent: &elsewhere, "explicit").in_scope(|| info!("in explicit"));
            info_span!(parent: None, "root").in_scope(|| {
                let between = Context::current().unwrap().child();
                between.run(|| info_span!("below both").in_scope(|| info!("deep")));
            });
            info!(parent: &elsewhere, "an event of another span");
            info!("still here");
        });
    });
    let record = |name| find(&records, name);
    assert_eq!(record("below ours").context.parent_span_id, ours.span_id());
    assert_eq!(record("below ours").context.trace_id, ours.trace_id());
    assert_eq!(record("below ours").context.entries.get("user_id"), Some(Value::Str("u1")));
    assert_eq!(record("explicit").context.parent_span_id, record("elsewhere").context.span_id);
    assert_eq!(record("in explicit").context.span_id, record("explicit").context.span_id);
    assert_eq!(record("root").context.parent_span_id, None);
    assert_ne!(record("root").context.trace_id, ours.trace_id());
    assert_eq!(record("below both").context.trace_id, record("root").context.trace_id);
    assert_ne!(record("below both").context.parent_span_id, record("root").context.span_id);
    assert_eq!(ids(record("an event of another span")), ids(record("elsewhere")));
    assert_eq!(ids(record("still here")), ids(record("below ours")));
}

#[test]
fn left_in_any_order() {
    let records = keep("trace").under(|| {
        let (a, b, c) = (info_span!("a"), info_span!("b"), info_span!("c"));
        let in_a = a.enter();
        let in_b = b.enter();
        let again_in_a = a.enter();
        let in_c = c.enter();
        drop(in_a);
        info!("c: a is left");
        drop(in_b);
        info!("c: b is left");
        drop(in_c);
        info!("a: entered twice");
        drop(again_in_a);
        info!("none");
        b.in_scope(|| info!("b: anew"));
    });
    let span = |name| find(&records, name).context.span_id;
    for message in ["c: a is left", "c: b is left", "a: entered twice", "b: anew"] {
        assert_eq!(find(&records, message).context.span_id, span(&message[..1]), "{message}");
    }
    assert_eq!(find(&records, "none").context.span_id, None);
}

#[test]
fn entered_by_several_threads_at_once() {
    let records = keep("trace").under(|| {
        let span = info_span!("shared");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (span, dispatch) = (&span, &dispatch);
                scope.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || {
                        for turn in 0..100 {
                            let _in_it = span.enter();
                            info!(number, turn, "in it");
                            info_span!("child").in_scope(|| info!("in child"));
                        }
                        info!("out of it");
                    });
                });
            }
        });
        info!("main is not in it");
    });
    let shared = find(&records, "shared");
    let of = |message: &'static str| records.iter().filter(move |r| r.message == message);
    assert_eq!((of("in it").count(), of("in child").count(), of("child").count()), (400, 400, 400));
    assert!(of("in it").all(|record| record.context.span_id == shared.context.span_id));
    assert!(of("child").all(|record| record.context.parent_span_id == shared.context.span_id));
    assert!(of("in child").all(|record| record.context.trace_id == shared.context.trace_id));
    assert_eq!(of("out of it").count(), 4);
    assert!(of("out of it").all(|record| record.context.span_id.is_none()));
    assert_eq!(find(&records, "main is not in it").context.span_id, None);
}

#[test]
fn what_opentelemetrys_users_know() {
    let records = keep("trace").under(|| {
        let _named = info_span!("plain", otel.name = "GET /orders/{id}", otel.kind = "Server");
        let _ok = info_span!("fine", otel.status_code = "OK");
        info_span!("unwell", otel.status_code = "error", otel.status_message = "no money");
        info_span!("described", otel.status_description = "described");
        let later = info_span!(
            "later",
            otel.kind = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
            otel.status_message = tracing::field::Empty
        );
        later.record("otel.status_message", "said first");
        later.record("otel.status_code", "ERROR");
        later.record("otel.kind", "client");
        info_span!("odd", otel.kind = "sideways", otel.other = 5);
        info_span!("errs").in_scope(|| {
            info_span!("inside").in_scope(|| error!("went wrong"));
            error!(error = "the reason", "went wrong too");
        });
        info_span!("errs but is fine", otel.status_code = "ok").in_scope(|| error!("no matter"));
        let named = info_span!("named parent");
        error!(parent: &named, "from outside");
    });
    use SpanKind::*;
    use SpanStatus::*;
    let check = |name: &str, kind: SpanKind, status: SpanStatus, message: &str| {
        with_span(&records, name, |span| {
            let found = (span.kind(), span.status(), span.status_message());
            assert_eq!(found, (kind, status, message), "{name}");
            let mut attributes = span.attributes();
            assert!(name == "odd" || attributes.next().is_none(), "{name}");
        });
    };
    check("GET /orders/{id}", Server, Unset, "");
    check("fine", Internal, Ok, "");
    check("unwell", Internal, Error, "no money");
    check("described", Internal, Error, "described");
    check("later", Client, Error, "said first");
    check("odd", Internal, Unset, "");
    check("inside", Internal, Error, "went wrong");
    check("errs", Internal, Error, "the reason");
    check("errs but is fine", Internal, Ok, "");
    check("named parent", Internal, Error, "from outside");
    with_span(&records, "odd", |span| {
        let attributes: Vec<_> = span.attributes().collect();
        let expect = [("otel.other", Value::I64(5)), ("otel.kind", Value::Str("sideways"))];
        assert!(expect.iter().all(|pair| attributes.contains(pair)), "{attributes:?}");
    });
}

#[test]
fn a_span_ends_when_its_last_handle_goes() {
    let records = keep("trace").under(|| {
        let span = info_span!("span");
        let clone = span.clone();
        drop(span);
        info!("not yet");
        let follower = info_span!("follower");
        follower.follows_from(&clone);
        drop(follower);
        drop(clone);
        info!("now");
    });
    assert_eq!(messages(&records), ["not yet", "follower", "span", "now"]);
    assert_eq!(find(&records, "follower").context.parent_span_id, None);
}

#[test]
fn a_panic_fails_the_spans_that_it_passes() {
    let records = keep("trace").under(|| {
        let caught = std::panic::catch_unwind(|| {
            let _in_it = info_span!("passed").entered();
            panic!("on purpose");
        });
        assert!(caught.is_err());
    });
    with_span(&records, "passed", |span| assert_eq!(span.status_message(), "panicked"));
    assert_eq!(Context::current(), None);
}

#[test]
fn spans_that_nobody_takes_are_none() {
    let kept = keep("info");
    let calls = || {
        info_span!("outer").in_scope(|| {
            trace_span!("passed over").in_scope(|| {
                info!("in outer");
                info_span!("inner").in_scope(|| {});
                info_span!(parent: tracing::Span::current(), "explicit").in_scope(|| {});
            });
        });
    };
    for records in [kept.under(calls), kept.beside_others(calls)] {
        assert_eq!(messages(&records), ["in outer", "inner", "explicit", "outer"]);
        let outer = find(&records, "outer").context.span_id;
        assert_eq!(find(&records, "in outer").context.span_id, outer);
        assert_eq!(find(&records, "inner").context.parent_span_id, outer);
        assert_eq!(find(&records, "explicit").context.parent_span_id, outer);
    }
}

#[test]
fn a_trace_that_is_not_sampled_has_ids_and_no_span_records() {
    let kept = keep("trace");
    let bridge = kept.bridge().sampler(Sampler::never());
    let subscriber = tracing_subscriber::registry().with(bridge.layer());
    tracing::subscriber::with_default(subscriber, || {
        info_span!("outer", a = 1).in_scope(|| {
            info_span!("inner").in_scope(|| info!("inside"));
        });
    });
    let records = kept.take();
    assert_eq!(messages(&records), ["inside"]);
    assert!(records[0].context.trace_id.is_some() && records[0].context.trace_flags & 1 == 0);
}

#[test]
fn two_pipelines_at_once() {
    let (one, two) = (keep("trace"), keep("trace"));
    let subscriber =
        tracing_subscriber::registry().with(one.bridge().layer()).with(two.bridge().layer());
    tracing::subscriber::with_default(subscriber, || {
        info_span!("outer", a = 1).in_scope(|| info!("inside"));
    });
    for records in [one.take(), two.take()] {
        assert_eq!(messages(&records), ["inside", "outer"]);
    }
    assert_eq!(Context::current(), None);
}
