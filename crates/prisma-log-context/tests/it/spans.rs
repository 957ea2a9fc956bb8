//! Spans and the records that they become.

use std::time::Duration;

use prisma_log_context::{
    Context, InContext as _, Sampler, SpanKind, SpanStatus, ThreadContext, Tracer,
};
use prisma_log_core::{Filter, Level, Record, SinkDrain, SpanRecord, Value};
use prisma_log_testkit::{MemoryHandle, MemorySink, OwnedRecord};
use slog::{Logger, info, o};

fn logger() -> (Logger<SinkDrain>, MemoryHandle) {
    let sink = MemorySink::new();
    let records = sink.handle();
    let drain = SinkDrain::builder().context(ThreadContext).sink("m", Filter::default(), sink);
    (Logger::root_typed(drain.build().named("shop"), o!("version" => 3)), records)
}

/// Looks at a span's record.
fn with_span<R>(record: &OwnedRecord, look: impl FnOnce(SpanRecord<'_>) -> R) -> R {
    let mut view = Record::new(record.timestamp, record.level, &record.logger, &record.message);
    view.fields = record.fields.as_ref();
    view.context = &record.context;
    view.tag = &record.tag;
    look(SpanRecord::of(&view).expect("a span"))
}

#[test]
fn a_span_becomes_a_record_with_all_that_was_said() {
    let (log, records) = logger();
    let tracer = Tracer::new(&log);
    let span = tracer.span("first name").kind(SpanKind::Client).attribute("amount", 99.9).start();
    let context = span.context().clone();
    span.run(|| info!(log, "inside"));
    std::thread::sleep(Duration::from_millis(2));
    span.event("retry", &[("attempt", Value::U64(2))]);
    span.attribute("tries", 1_u64);
    span.attribute("tries", 2_u64);
    span.name("charge card");
    span.level(Level::Warning);
    span.fail("declined");
    span.end();

    let records = records.records();
    assert_eq!(records.len(), 2);
    assert_eq!((&*records[0].message, records[0].context.span_id), ("inside", context.span_id()));
    let end = &records[1];
    assert_eq!((end.level, &*end.logger), (Level::Warning, "shop"));
    assert_eq!(end.context.trace_id, context.trace_id());
    assert_eq!((end.context.span_id, end.context.parent_span_id), (context.span_id(), None));
    with_span(end, |span| {
        assert_eq!((span.name(), span.kind()), ("charge card", SpanKind::Client));
        assert_eq!((span.status(), span.status_message()), (SpanStatus::Error, "declined"));
        assert!(span.duration() >= Duration::from_millis(2));
        let events = span.events();
        assert_eq!((events.len(), &*events[0].name), (1, "retry"));
        assert!(events[0].offset >= Duration::from_millis(2));
        assert!(events[0].offset <= span.duration());
        let attributes: Vec<_> = span.attributes().collect();
        let expect =
            [("amount", Value::F64(99.9)), ("tries", Value::U64(2)), ("version", Value::I64(3))];
        assert_eq!(attributes, expect);
    });
}

#[test]
fn a_spans_parent_is_the_threads_context_unless_it_is_told() {
    let (log, records) = logger();
    let tracer = Tracer::new(&log);
    let outer = tracer.span("outer").start();
    let request = outer.context().clone().user_id("u");
    request.run(|| {
        tracer.span("inner").start().end();
        tracer.span("apart").root().start().end();
    });
    tracer.span("told").child_of(&request).start().end();
    drop(outer);
    let records = records.records();
    let of = |name: &str| {
        let found = records.iter().find(|record| record.message == name);
        found.unwrap().context.clone()
    };
    let outer = of("outer");
    for name in ["inner", "told"] {
        assert_eq!(of(name).trace_id, outer.trace_id, "{name}");
        assert_eq!(of(name).parent_span_id, outer.span_id, "{name}");
        assert_eq!(of(name).entries.get("user_id"), Some(Value::Str("u")), "{name}");
    }
    assert_ne!(of("apart").trace_id, outer.trace_id);
    assert_eq!(of("apart").parent_span_id, None);
}

#[test]
fn a_sampler_leaves_records_out_but_never_contexts() {
    let (log, records) = logger();
    let tracer = Tracer::new(&log).sampler(Sampler::parent_based(Sampler::never()));
    let unsampled = tracer.span("unsampled").start();
    assert!(!unsampled.is_recording() && !unsampled.is_sampled());
    unsampled.run(|| {
        info!(log, "inside");
        tracer.span("child").start().end();
        tracer.span("wanted anyhow").always(true).start().end();
    });
    unsampled.end();
    let sampled = Context::new();
    tracer.span("sampled parent").child_of(&sampled).start().end();
    let found: Vec<_> = records.records();
    let names: Vec<_> =
        found.iter().map(|record| (&*record.message, record.context.trace_flags)).collect();
    assert_eq!(names, [("inside", 0), ("wanted anyhow", 0), ("sampled parent", 1)]);
    assert!(found[0].context.trace_id.is_some());
}

#[test]
fn a_filtered_level_has_no_span_records_and_a_tracer_may_choose_another() {
    let sink = MemorySink::new();
    let records = sink.handle();
    let drain = SinkDrain::builder().sink("m", Filter::at_least(Level::Info), sink).build();
    let log = Logger::root_typed(drain, o!());
    Tracer::new(&log).level(Level::Debug).span("debug").start().end();
    Tracer::new(&log).span("info").start().end();
    assert_eq!(records.messages(), ["info"]);
}

#[test]
fn what_is_too_much_for_a_span_is_counted() {
    let (log, records) = logger();
    let span = Tracer::new(&log).span("big").start();
    for n in 0..130_u64 {
        span.attribute(&format!("a{n}"), n);
        span.event("e", &[]);
    }
    span.attribute("a0", "replaced");
    drop(span);
    with_span(&records.records()[0], |span| {
        assert_eq!((span.dropped_attributes(), span.dropped_events()), (2, 2));
        assert_eq!(span.events().len(), 128);
        let attributes: Vec<_> = span.attributes().collect();
        assert_eq!(attributes.len(), 129);
        assert_eq!(attributes[0], ("a0", Value::Str("replaced")));
    });
}

#[test]
fn a_span_that_a_panic_ends_has_failed() {
    let (log, records) = logger();
    let tracer = Tracer::new(&log);
    let panicking = std::panic::AssertUnwindSafe(|| {
        let span = tracer.span("work").start();
        let _scope = span.enter();
        panic!("out of cheese");
    });
    std::panic::catch_unwind(panicking).unwrap_err();
    assert_eq!(Context::current(), None);
    with_span(&records.records()[0], |span| {
        assert_eq!((span.status(), span.status_message()), (SpanStatus::Error, "panicked"));
    });
}

#[test]
fn a_span_may_be_discarded_and_its_context_may_have_fields_of_its_own() {
    let (log, records) = logger();
    let tracer = Tracer::new(&log);
    let span = tracer.span("s").context_field("request_id", "r").attribute("a", 1_u64).start();
    span.run(|| info!(log, "inside"));
    let more = [("a", Value::U64(2)), ("b", Value::U64(3))].into_iter().collect();
    span.attributes(more);
    span.end();
    tracer.span("nobody wants it").start().discard();
    let records = records.records();
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!(record.context.entries.get("request_id"), Some(Value::Str("r")));
    }
    with_span(&records[1], |span| {
        let attributes: Vec<_> = span.attributes().take(2).collect();
        assert_eq!(attributes, [("a", Value::U64(2)), ("b", Value::U64(3))]);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_future_in_a_span_ends_it() {
    let (log, records) = logger();
    let tracer = Tracer::new(&log);
    let inside = log.clone();
    let work = async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        info!(inside, "inside");
    };
    let span = tracer.span("task").start();
    let id = span.context().span_id();
    tokio::spawn(work.in_span(span)).await.unwrap();
    let forever = std::future::pending::<()>().in_span(tracer.span("cancelled").start());
    assert!(tokio::time::timeout(Duration::from_millis(1), forever).await.is_err());
    let records = records.records();
    assert_eq!(records[0].context.span_id, id);
    let names: Vec<_> = records.iter().map(|record| &*record.message).collect();
    assert_eq!(names, ["inside", "task", "cancelled"]);
}
