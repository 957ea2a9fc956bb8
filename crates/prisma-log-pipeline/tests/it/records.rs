//! What goes in comes out, through slog's own macros.

use std::fmt;
use std::time::{Duration, Instant};

use prisma_log_context::Context;
use prisma_log_core::{Filter, Level};
use prisma_log_pipeline::{Memory, Pipeline, PipelineBuilder, PipelineDrain};
use slog::{Logger, o};

use crate::collect::{Collect, Kept};

fn anonymous() -> PipelineBuilder {
    Pipeline::builder().memory(Memory::Anonymous)
}

fn logged(calls: impl FnOnce(&Logger<PipelineDrain>)) -> Vec<Kept> {
    let sink = Collect::default();
    let pipeline = anonymous().sink("memory", Filter::default(), sink.clone()).build().unwrap();
    let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
    calls(&log);
    let report = pipeline.flush(Duration::from_secs(30));
    assert!(report.is_ok(), "{report:?}");
    let health = pipeline.health();
    assert_eq!((health.in_flight, health.dropped), (0, 0), "{health:?}");
    sink.all()
}

#[test]
fn every_kind_of_value_comes_through_again_and_again() {
    let kept = logged(|log| {
        for n in 0..5_u64 {
            slog::info!(log, "static"; "u" => n, "i" => -1_i32, "f" => 0.5, "s" => "text",
                "b" => true, "d" => %"shown", "o" => ?Some(1), "none" => None::<u8>, "c" => 'x',
                "big" => u128::MAX, "unit" => ());
        }
    });
    assert_eq!(kept.len(), 5);
    for (n, record) in kept.iter().enumerate() {
        let fields: Vec<String> = record.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let big = format!("big={}", u128::MAX);
        let expect = [
            &format!("u={n}"),
            "i=-1",
            "f=0.5",
            "s=text",
            "b=true",
            "d=shown",
            "o=Some(1)",
            "none=null",
            "c=x",
            &big,
            "unit=null",
        ];
        assert_eq!(fields, expect);
        assert_eq!((record.message.as_str(), record.logger.as_str()), ("static", "shop"));
        assert_eq!(record.sequence, n as u64 + 1);
        assert_eq!(record.has_shape, n > 0, "a call site is learned with its first record");
    }
}

#[test]
fn the_loggers_own_fields_follow_the_calls_and_survive_other_loggers_at_the_same_place() {
    let kept = logged(|log| {
        for round in 0..4 {
            let child = log.new(o!("tenant" => "a", "version" => round));
            slog::warn!(child, "in child {}", round; "x" => 1, "y" => 2);
            drop(child);
            let other = log.new(o!("only" => round));
            slog::warn!(other, # "tagged", "in other"; "x" => 1, "y" => 2);
        }
    });
    for (round, pair) in kept.chunks(2).enumerate() {
        let keys = |kept: &Kept| kept.fields.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&pair[0]), ["x", "y", "version", "tenant"]);
        assert_eq!(pair[0].message, format!("in child {round}"));
        assert_eq!(pair[0].field("version"), Some(round.to_string().as_str()));
        assert_eq!(keys(&pair[1]), ["x", "y", "only"]);
        assert_eq!((pair[1].tag.as_str(), pair[1].message.as_str()), ("tagged", "in other"));
    }
    assert_eq!(kept.len(), 8);
}

#[test]
fn records_carry_the_context_that_they_were_logged_in() {
    let outer = Context::new().user_id("u1");
    let kept = logged(|log| {
        slog::info!(log, "before");
        let scope = outer.enter();
        slog::info!(log, "in outer");
        {
            let _inner = outer.child().enter();
            slog::info!(log, "in inner");
        }
        slog::info!(log, "in outer again");
        drop(scope);
        slog::info!(log, "after");
    });
    let id = outer.trace_id().unwrap().to_string();
    let ids: Vec<_> = kept.iter().map(|record| record.trace_id.as_str()).collect();
    assert_eq!(ids, ["", &id, &id, &id, ""]);
}

#[test]
fn values_that_panic_fail_log_or_never_end_are_contained() {
    struct Panics;
    impl fmt::Display for Panics {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            panic!("in display")
        }
    }
    struct Fails;
    impl fmt::Display for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            Err(fmt::Error)
        }
    }
    struct Logs<'a>(&'a Logger<PipelineDrain>);
    impl fmt::Display for Logs<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            slog::info!(self.0, "nested"; "n" => 1);
            f.write_str("outer")
        }
    }
    struct Huge;
    impl fmt::Display for Huge {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (0..100_000).try_for_each(|_| f.write_str(&"x".repeat(1000)))
        }
    }
    let kept = logged(|log| {
        for _ in 0..3 {
            slog::info!(log, "bad {}", Panics; "panics" => %Panics, "fails" => %Fails, "good" => 1);
            slog::info!(log, "logs"; "logs" => %Logs(log), "good" => 2);
            slog::info!(log, "huge"; "first" => 1, "huge" => %Huge, "after" => 3);
        }
    });
    assert_eq!(kept.len(), 12);
    for round in kept.chunks(4) {
        let with = |key: &str| round.iter().find(|kept| kept.field(key).is_some()).unwrap();
        let bad = with("panics");
        assert_eq!(bad.message, "<panicked: in display>");
        assert_eq!(bad.field("panics"), Some("<panicked: in display>"));
        assert_eq!(bad.field("fails"), Some("half<formatting failed>"));
        assert_eq!(bad.field("good"), Some("1"));
        let logs = with("logs");
        assert_eq!((logs.field("logs"), logs.field("good")), (Some("outer"), Some("2")));
        assert_eq!(with("n").message, "nested");
        let huge = with("huge");
        assert_eq!((huge.field("first"), huge.field("after")), (Some("1"), Some("3")));
        let kept = huge.field("huge").unwrap().len() as u64;
        assert!((60_000..65_536).contains(&kept), "{kept}");
        assert!(huge.truncated > 100_000 * 500, "{}", huge.truncated);
    }
}

#[test]
fn a_level_can_be_changed_while_the_program_runs() {
    let sink = Collect::default();
    let pipeline = anonymous().sink("memory", Filter::default(), sink.clone()).build().unwrap();
    let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
    pipeline.set_filter(Filter::at_least(Level::Warning));
    slog::info!(log, "no");
    pipeline.set_filter("warning,shop=debug".parse().unwrap());
    slog::debug!(log, "yes");
    let module = Logger::root_typed(pipeline.drain(), o!());
    slog::info!(module, "not this module");
    assert!(pipeline.flush(Duration::from_secs(30)).is_ok());
    assert_eq!(sink.all().iter().map(|r| r.message.clone()).collect::<Vec<_>>(), ["yes"]);
}

#[test]
fn records_of_one_call_keep_their_own_contexts() {
    const THREADS: usize = 6;
    let contexts: Vec<Context> = (0..THREADS)
        .map(|thread| match thread % 3 {
            0 => Context::new(),
            1 => Context::new().user_id(format!("u{thread}")),
            _ => Context::new().request_id(format!("r{thread}")),
        })
        .collect();
    let kept = logged(|log| {
        std::thread::scope(|scope| {
            for (thread, context) in contexts.iter().enumerate() {
                scope.spawn(move || {
                    for n in 0..2_000 {
                        // Now and then in none.
                        let _scope = (n % 10 != 9).then(|| context.enter());
                        slog::info!(log, "work"; "thread" => thread, "n" => n);
                    }
                });
            }
        });
    });
    assert_eq!(kept.len(), THREADS * 2_000);
    for record in kept {
        let thread: usize = record.field("thread").unwrap().parse().unwrap();
        let n: usize = record.field("n").unwrap().parse().unwrap();
        let expect = if n % 10 == 9 {
            String::new()
        } else {
            contexts[thread].trace_id().unwrap().to_string()
        };
        assert_eq!(record.trace_id, expect, "{record:?}");
    }
}

#[test]
fn a_record_after_a_long_silence_is_written_without_a_flush() {
    let sink = Collect::default();
    let pipeline = anonymous().sink("memory", Filter::default(), sink.clone()).build().unwrap();
    let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
    for n in 1..=3 {
        // The worker sleeps until it is woken by then.
        std::thread::sleep(Duration::from_millis(2_300));
        slog::info!(log, "after a silence");
        let deadline = Instant::now() + Duration::from_secs(20);
        while sink.all().len() < n {
            assert!(Instant::now() < deadline, "record {n} has not come");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn many_threads_lose_nothing_and_keep_their_order() {
    let sink = Collect::default();
    let pipeline = anonymous().sink("memory", Filter::default(), sink.clone()).build().unwrap();
    let log = Logger::root_typed(pipeline.drain().named("shop"), o!());
    std::thread::scope(|scope| {
        for thread in 0..80_u64 {
            let log = &log;
            scope.spawn(move || {
                for n in 0..500_u64 {
                    slog::info!(log, "work"; "thread" => thread, "n" => n);
                }
            });
        }
    });
    assert!(pipeline.flush(Duration::from_secs(30)).is_ok());
    let mut next = vec![0; 80];
    for record in sink.all() {
        let thread: usize = record.field("thread").unwrap().parse().unwrap();
        assert_eq!(record.field("n"), Some(next[thread].to_string().as_str()));
        next[thread] += 1;
    }
    assert_eq!(next, vec![500; 80]);
    drop(pipeline);
    slog::info!(log, "after the end");
    assert_eq!(sink.all().last().unwrap().message, "after the end");
}
