use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use prisma_log_core::{
    BatchError, Clock, ContextData, ContextSource, DropReason, Durability, Error, Filter, Record,
    Sink, SinkDrain, Timestamp, Value,
};
use slog::{FnValue, Logger, info, o};

use crate::support::Keep;

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        panic!("in Display");
    }
}

#[test]
fn a_panicking_display_is_reported_in_the_record() {
    let keep = Keep::default();
    let log = Logger::root(SinkDrain::new(keep.clone()), o!("kept" => 1));
    info!(log, "say {}", Panics; "before" => 1, "bad" => %Panics, "after" => 2);
    let kept = keep.only();
    assert_eq!(kept.message, "say half<panicked: in Display>");
    assert_eq!(kept.fields.get("bad"), Some(Value::Str("<panicked: in Display>")));
    for key in ["before", "after", "kept"] {
        assert!(kept.fields.get(key).is_some(), "{key} is lost");
    }
}

#[test]
fn a_panicking_key_value_function_is_reported_in_the_record() {
    let keep = Keep::default();
    let log = Logger::root(SinkDrain::new(keep.clone()), o!("kept" => 1));
    info!(log, "hi"; "bad" => FnValue(|_| -> u8 { panic!("in FnValue") }));
    let kept = keep.only();
    assert_eq!(kept.fields.get("kv_error"), Some(Value::Str("<panicked: in FnValue>")));
    assert!(kept.fields.get("kept").is_some());
}

#[test]
fn a_display_that_logs_writes_both_records() {
    struct Logs(Logger);
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!(self.0, "from inside {}", 1; "inner" => 2);
            f.write_str("shown")
        }
    }
    let keep = Keep::default();
    let log = Logger::root(SinkDrain::new(keep.clone()), o!());
    info!(log, "outside {}", Logs(log.clone()); "outer" => 1);
    let kept = keep.kept();
    assert_eq!(kept[0].message, "from inside 1");
    assert_eq!(kept[1].message, "outside shown");
    assert_eq!(kept[1].fields.iter().collect::<Vec<_>>(), [("outer", Value::I64(1))]);
}

/// Fails, panics or logs, by the message.
struct Moody(Arc<OnceLock<Logger>>);

impl Sink for Moody {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        match batch[0].message {
            "panic" => panic!("sink trouble"),
            "fail" => Err(BatchError::none_delivered(Error::state("no room"))),
            "log" => {
                info!(self.0.get().unwrap(), "from the sink");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        panic!("flush trouble")
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[test]
fn a_moody_sink_loses_only_what_it_refuses_and_all_is_counted() {
    let (slot, keep) = (Arc::new(OnceLock::new()), Keep::default());
    let reported = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&reported);
    let drain = SinkDrain::builder()
        .sink("moody", Filter::default(), Moody(Arc::clone(&slot)))
        .sink("steady", Filter::default(), keep.clone())
        .on_error(move |_sink, _error| {
            count.fetch_add(1, Ordering::Relaxed);
            panic!("even a panicking handler is contained");
        })
        .build();
    let log = Logger::root(drain.clone(), o!());
    slot.set(log.clone()).unwrap();
    for message in ["fine", "panic", "fail", "log", "fine"] {
        info!(log, "{}", message);
    }
    assert!(log.flush().is_err());

    let ledgers = drain.ledgers();
    let moody = ledgers[0].1;
    assert_eq!(moody.submitted(), 6);
    assert_eq!(moody.delivered(), 3);
    assert_eq!(moody.dropped_by(DropReason::SinkPanicked), 1);
    assert_eq!(moody.dropped_by(DropReason::SinkFailed), 1);
    assert_eq!(moody.dropped_by(DropReason::Reentrant), 1);
    assert_eq!(moody.in_flight(), 0);
    let steady = ledgers[1].1;
    assert_eq!((steady.submitted(), steady.delivered()), (6, 5));
    assert_eq!(steady.dropped_by(DropReason::Reentrant), 1);
    assert_eq!(reported.load(Ordering::Relaxed), 5);
    assert_eq!(drain.failures(), 5);
}

#[test]
fn logging_from_a_thread_local_destructor_works() {
    struct LogsOnDrop(Logger);
    impl Drop for LogsOnDrop {
        fn drop(&mut self) {
            info!(self.0, "going {}", "down"; "k" => 1);
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<LogsOnDrop>> = const { std::cell::RefCell::new(None) };
    }
    let keep = Keep::default();
    let log = Logger::root(SinkDrain::new(keep.clone()), o!());
    let thread = std::thread::spawn(move || {
        LAST.set(Some(LogsOnDrop(log.clone())));
        info!(log, "up {}", "now");
    });
    thread.join().unwrap();
    let messages: Vec<_> = keep.kept().into_iter().map(|kept| kept.message).collect();
    assert_eq!(messages, ["up now", "going down"]);
}

/// Takes every record and fails afterwards, or refuses it, by the message.
struct Grumbles;

impl Sink for Grumbles {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        let delivered = usize::from(batch[0].message != "refused");
        Err(BatchError::new(delivered, Error::state("grumble")))
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[test]
fn a_failure_after_delivery_is_reported_and_nothing_is_lost() {
    let reported = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&reported);
    let drain = SinkDrain::builder()
        .sink("grumbles", Filter::default(), Grumbles)
        .on_error(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .build();
    let log = Logger::root(drain.clone(), o!());
    info!(log, "taken");
    info!(log, "refused");
    let ledger = drain.ledgers()[0].1;
    assert_eq!((ledger.delivered(), ledger.dropped()), (1, 1));
    assert_eq!(reported.load(Ordering::Relaxed), 2);
}

#[test]
fn an_error_handler_that_logs_is_not_called_about_its_own_record() {
    let slot: Arc<OnceLock<Logger>> = Arc::default();
    let (calls, log_of_handler) = (Arc::new(AtomicU64::new(0)), Arc::clone(&slot));
    let count = Arc::clone(&calls);
    let drain = SinkDrain::builder()
        .sink("grumbles", Filter::default(), Grumbles)
        .on_error(move |_, error| {
            count.fetch_add(1, Ordering::Relaxed);
            info!(log_of_handler.get().unwrap(), "refused"; "error" => #error);
        })
        .build();
    let log = Logger::root(drain.clone(), o!());
    slot.set(log.clone()).unwrap();
    info!(log, "refused");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(drain.failures(), 2);
    assert_eq!(drain.ledgers()[0].1.dropped(), 2);
}

/// Logs through its own drain each time it writes.
struct Chatty(Arc<OnceLock<Logger>>);

impl Sink for Chatty {
    fn write(&mut self, batch: &[Record<'_>]) -> Result<(), BatchError> {
        if batch[0].message == "outer" {
            info!(self.0.get().unwrap(), "inner");
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }
}

#[test]
fn sinks_that_log_never_wait_for_each_other() {
    let slot: Arc<OnceLock<Logger>> = Arc::default();
    let drain = SinkDrain::builder()
        .sink("a", "off,a=info".parse().unwrap(), Chatty(Arc::clone(&slot)))
        .sink("b", "off,b=info".parse().unwrap(), Chatty(Arc::clone(&slot)))
        .sink("both", "off,both=info".parse().unwrap(), Keep::default())
        .build();
    slot.set(Logger::root(drain.named("both"), o!())).unwrap();
    std::thread::scope(|scope| {
        for name in ["a", "b", "a", "b"] {
            let log = Logger::root(drain.named(name), o!());
            scope.spawn(move || (0..2_000).for_each(|_| info!(log, "outer")));
        }
    });
    let ledgers = drain.ledgers();
    let counts = ledgers.iter().map(|(_, l)| (l.delivered(), l.dropped_by(DropReason::Reentrant)));
    assert_eq!(counts.collect::<Vec<_>>(), [(4_000, 0), (4_000, 0), (0, 8_000)]);
}

#[test]
fn a_panicking_clock_or_context_costs_neither_the_call_nor_the_next_record() {
    struct Broken;
    impl Clock for Broken {
        fn now(&self) -> Timestamp {
            panic!("no battery")
        }
    }
    impl ContextSource for Broken {
        fn current(&self) -> Option<Arc<ContextData>> {
            panic!("no context")
        }
    }
    let keep = Keep::default();
    let drain = SinkDrain::builder()
        .sink("keep", Filter::default(), keep.clone())
        .clock(Broken)
        .context(Broken)
        .build();
    let log = Logger::root(drain.clone(), o!());
    info!(log, "one {}", 1; "secret" => "of one");
    info!(log, "two {}", 2; "k" => 2);
    let kept = keep.kept();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[1].message, "two 2");
    assert_eq!(kept[1].fields.iter().collect::<Vec<_>>(), [("k", Value::I64(2))]);
    assert_eq!(drain.failures(), 4);
}
