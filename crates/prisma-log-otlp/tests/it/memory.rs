//! What the sink remembers of a batch that was taken in part: nothing is sent twice, nothing lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use prisma_log_core::{BatchError, Record, Sink};

use crate::collector::{Collector, Reply};
use crate::support::{LONG, Numbered, builder, sorted};

/// Hands a batch over as a front end with a queue does; how many records were delivered and
/// dropped, and the errors.
fn drive(sink: &mut dyn Sink, batch: &[Record<'_>]) -> (usize, usize, Vec<String>) {
    let (mut rest, mut delivered, mut dropped, mut errors) = (batch, 0, 0, Vec::new());
    let begun = Instant::now();
    while !rest.is_empty() {
        assert!(begun.elapsed() < LONG, "{errors:?}");
        match sink.write(rest) {
            Ok(()) => {
                delivered += rest.len();
                break;
            }
            Err(BatchError { delivered: taken, error, retry_after, rejected, .. }) => {
                errors.push(error.to_string());
                delivered += taken;
                rest = &rest[taken..];
                match (retry_after, rejected) {
                    (Some(wait), _) => std::thread::sleep(wait.min(Duration::from_millis(200))),
                    (None, rejected) => {
                        let rejected = rejected.expect("the sink knows how many");
                        dropped += rejected;
                        rest = &rest[rejected..];
                    }
                }
            }
        }
    }
    (delivered, dropped, errors)
}

#[test]
fn log_records_that_were_taken_are_not_sent_again_when_spans_were_not() {
    let failures = AtomicUsize::new(3);
    let collector = Collector::scripted(move |request| {
        let is_spans = request.path.ends_with("traces");
        let fails = is_spans && failures.load(Ordering::Relaxed) > 0;
        if fails {
            failures.fetch_sub(1, Ordering::Relaxed);
            return Reply::Status(503, "", "");
        }
        Reply::Take
    });
    let many = Numbered::new(0..90);
    let mut sink = builder(&collector).build().unwrap();
    let (delivered, dropped, errors) = drive(&mut sink, &many.records());
    assert_eq!((delivered, dropped), (90, 0));
    assert!(errors.iter().all(|error| error.contains("503")
        || error.starts_with("waiting before the next attempt: cannot export 30 spans")));
    assert_eq!(sorted(collector.stored()), sorted(many.messages()));
    let logs = collector.requests().iter().filter(|request| request.path.ends_with("logs")).count();
    assert_eq!(logs, 1);
    assert_eq!(sink.stats().put_off(), 3);
}

#[test]
fn too_large_requests_are_halved_down_to_one_record() {
    // It takes at most 7 records, and never one that is called 42.
    let collector = Collector::scripted(|request| {
        let ids = request.ids();
        if ids.len() > 7 || ids.iter().any(|id| id == "record 42") {
            return Reply::Status(413, "", "");
        }
        Reply::Take
    });
    let many = Numbered::new(0..100);
    let mut sink = builder(&collector).build().unwrap();
    let (delivered, dropped, errors) = drive(&mut sink, &many.records());
    assert_eq!((delivered, dropped), (99, 1), "{errors:?}");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("cannot export 1 log records: http://"), "{errors:?}");
    let mut expect = many.messages();
    expect.retain(|id| id != "record 42");
    assert_eq!(sorted(collector.stored()), sorted(expect));
    assert!(sink.stats().splits() > 10);
}

#[test]
fn a_server_that_takes_less_is_remembered() {
    let collector = Collector::scripted(|request| {
        if request.body.len() > 20_000 { Reply::Status(413, "", "") } else { Reply::Take }
    });
    let mut sink = builder(&collector).build().unwrap();
    for round in 0..4 {
        let many = Numbered::new(round * 500..(round + 1) * 500);
        sink.write(&many.records()).unwrap();
        if round == 0 {
            assert!(sink.stats().splits() > 0);
        }
    }
    let large = collector.requests().iter().filter(|request| request.body.len() > 20_000).count();
    assert_eq!(large as u64, sink.stats().splits());
    assert!(large <= 6, "{large}");
    assert_eq!(collector.stored().len(), 2000);
}

#[test]
fn a_split_that_is_interrupted_goes_on_where_it_was() {
    // Every second request that is small enough is put off.
    let count = AtomicUsize::new(0);
    let collector = Collector::scripted(move |request| {
        if request.ids().len() > 10 {
            return Reply::Status(413, "", "");
        }
        match count.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Reply::Status(429, "retry-after: 0\r\n", ""),
            _ => Reply::Take,
        }
    });
    let many = Numbered::new(0..200);
    let mut sink = builder(&collector).build().unwrap();
    let (delivered, dropped, errors) = drive(&mut sink, &many.records());
    assert_eq!((delivered, dropped), (200, 0), "{errors:?}");
    // Each exactly once.
    assert_eq!(sorted(collector.stored()), sorted(many.messages()));
}

#[test]
fn what_was_refused_is_counted_when_the_rest_is_through() {
    // Log records are refused for good, spans put off twice.
    let failures = AtomicUsize::new(2);
    let collector = Collector::scripted(move |request| {
        if request.path.ends_with("logs") {
            return Reply::Status(
                400,
                "content-type: application/json\r\n",
                r#"{"message":"bad"}"#,
            );
        }
        match failures.load(Ordering::Relaxed) {
            0 => Reply::Take,
            left => {
                failures.store(left - 1, Ordering::Relaxed);
                Reply::Status(502, "", "")
            }
        }
    });
    let many = Numbered::new(0..30);
    let mut sink = builder(&collector).build().unwrap();
    let (delivered, dropped, errors) = drive(&mut sink, &many.records());
    assert_eq!((delivered, dropped), (10, 20), "{errors:?}");
    assert!(errors.last().unwrap().ends_with("answered 400 Bad Request: bad"), "{errors:?}");
    let logs = collector.requests().iter().filter(|request| request.path.ends_with("logs")).count();
    assert_eq!((logs, collector.stored().len()), (1, 10));
    assert_eq!((sink.stats().refused(), sink.stats().taken()), (20, 10));
}

#[test]
fn other_records_than_those_that_were_put_off_are_all_sent() {
    let collector = Collector::planned([Reply::Take, Reply::Status(503, "", "")]);
    let mut sink = builder(&collector).build().unwrap();
    let first = Numbered::new(0..30);
    sink.write(&first.records()).unwrap_err();
    // A front end gave them up, and comes with others.
    let second = Numbered::new(100..130);
    assert_eq!(drive(&mut sink, &second.records()).0, 30);
    let stored = collector.stored();
    assert!(second.messages().iter().all(|id| stored.contains(id)));
    assert_eq!(stored.len(), 20 + 30);
}

#[test]
fn batches_are_cut_by_records_and_bytes() {
    let collector = Collector::new();
    let many = Numbered::new(0..1000);
    let mut sink = builder(&collector).max_records(100).build().unwrap();
    sink.write(&many.records()).unwrap();
    let sizes: Vec<_> = collector.requests().iter().map(|request| request.ids().len()).collect();
    assert!(sizes.iter().all(|&size| size <= 100) && sizes.iter().sum::<usize>() == 1000);
    assert_eq!(sorted(collector.stored()), sorted(many.messages()));

    let collector = Collector::new();
    let mut sink = builder(&collector).max_bytes(16 << 10).build().unwrap();
    sink.write(&many.records()).unwrap();
    let requests = collector.requests();
    assert!(requests.len() > 4 && requests.iter().all(|request| request.body.len() < 17 << 10));
    assert_eq!(sorted(collector.stored()), sorted(many.messages()));
}

#[test]
fn while_it_waits_the_server_is_left_alone() {
    let collector = Collector::planned([Reply::Status(429, "retry-after: 3000\r\n", "slow down")]);
    let mut sink = builder(&collector).build().unwrap();
    let many = Numbered::new(0..1);
    let failed = sink.write(&many.records()).unwrap_err();
    assert!(failed.retry_after >= Some(Duration::from_secs(3000)), "{failed:?}");
    for _ in 0..3 {
        let failed = sink.write(&many.records()).unwrap_err();
        assert!(failed.retry_after > Some(Duration::from_secs(2000)), "{failed:?}");
        let shown = failed.error.to_string();
        assert!(shown.contains("429 Too Many Requests: slow down"), "{shown}");
    }
    assert_eq!(collector.requests().len(), 1);
    // An operator may say otherwise.
    sink.command(prisma_log_core::SinkCommand::Reopen).unwrap();
    sink.write(&many.records()).unwrap();
}

#[test]
fn what_a_server_says_of_records_that_it_took_is_told() {
    let collector = Collector::planned([Reply::Partial(0)]);
    let mut sink = builder(&collector).build().unwrap();
    assert_eq!(sink.due(), None);
    sink.write(&Numbered::new(0..1).records()).unwrap();
    assert!(sink.due().is_some());
    let told = sink.maintain().unwrap_err().to_string();
    assert!(told.starts_with("http://") && told.ends_with("says: too old"), "{told}");
    assert!(sink.due().is_none() && sink.maintain().is_ok());
}
