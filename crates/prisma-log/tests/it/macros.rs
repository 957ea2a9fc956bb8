use std::cell::Cell;

use prisma_log::{
    Context, Filter, Level, Logging, Memory, Value, crit, debug, error, info, o, trace, warn,
};
use prisma_log_testkit::{MemoryHandle, MemorySink};

fn logging(filter: Filter) -> (Logging, MemoryHandle) {
    let memory = MemorySink::new();
    let handle = memory.handle();
    let builder = Logging::builder().memory(Memory::Anonymous).inline(true);
    (builder.sink("memory", filter, memory).build().unwrap(), handle)
}

#[test]
fn no_argument_is_evaluated_below_the_level() {
    let (logging, memory) = logging(Filter::at_least(Level::Warning));
    let log = logging.logger("shop");
    let evaluated = Cell::new(0);
    let costly = || {
        evaluated.set(evaluated.get() + 1);
        7
    };
    trace!(log, "no {}", costly(); "k" => costly());
    debug!(log, "no {}", costly(); "k" => costly());
    info!(log, "no {}", costly(); "k" => costly());
    assert_eq!(evaluated.get(), 0);
    warn!(log, "yes {}", costly(); "k" => costly());
    assert_eq!(evaluated.get(), 2);
    assert_eq!(memory.records().len(), 1);
}

#[test]
fn every_level_and_form_of_the_grammar() {
    let (logging, memory) = logging(Filter::default());
    let log = logging.logger("shop");
    let count = 3;
    trace!(log, "plain");
    debug!(log, "argument {}", 1);
    info!(log, "captured {count}"; "a" => 1);
    warn!(log, # "tag", "tagged"; "a" => %"shown", "b" => ?Some(1));
    error!(log, "named {x}", x = 5; o!("c" => 2));
    crit!(log.new(o!("child" => true)), "temporary logger";);
    let records = memory.records();
    let levels: Vec<_> = records.iter().map(|record| record.level).collect();
    assert_eq!(levels, Level::ALL);
    let messages: Vec<_> = records.iter().map(|record| record.message.as_str()).collect();
    let expect = ["plain", "argument 1", "captured 3", "tagged", "named 5", "temporary logger"];
    assert_eq!(messages, expect);
    assert_eq!(records[5].fields.get("child"), Some(Value::Bool(true)));
    assert!(records.iter().all(|record| record.logger == "shop"));
}

#[test]
fn stock_slog_macros_work_on_the_same_logger() {
    let (logging, memory) = logging(Filter::at_least(Level::Info));
    let log = logging.logger("shop");
    prisma_log::slog::info!(log, "typed"; "n" => 1);
    let erased: prisma_log::slog::Logger = log.to_erased();
    prisma_log::slog::warn!(erased, "erased"; "n" => 2);
    prisma_log::slog::debug!(erased, "below the level");
    assert_eq!(memory.records().len(), 2);
}

#[test]
fn records_carry_the_context_of_their_thread() {
    let (logging, memory) = logging(Filter::default());
    let log = logging.logger("shop");
    let context = Context::new().user_id("user123").session_id("session456").request_id("req789");
    {
        let _scope = context.enter();
        info!(log, "in a request");
        std::thread::scope(|scope| {
            scope.spawn(|| info!(log, "on another thread"));
        });
    }
    info!(log, "after it");
    let records = memory.records();
    assert_eq!(records[0].context.trace_id, context.trace_id());
    assert_eq!(records[0].context.span_id, context.span_id());
    assert_eq!(records[0].context.entries.get("user_id"), Some(Value::Str("user123")));
    assert_eq!(records[1].context.trace_id, None);
    assert_eq!(records[2].context.trace_id, None);
}

#[test]
fn a_lazy_logger_serves_as_well() {
    static LOG: std::sync::LazyLock<prisma_log::Logger> =
        std::sync::LazyLock::new(|| logging(Filter::default()).0.logger("lazy"));
    info!(LOG, "from a static"; "k" => 1);
}

#[test]
fn dropping_the_set_up_flushes_its_sinks() {
    let (logging, memory) = logging(Filter::default());
    drop(logging);
    assert_eq!(memory.flushes(), 1);
}

#[test]
fn a_call_says_the_same_the_first_time_and_ever_after() {
    let (logging, memory) = logging(Filter::default());
    let log = logging.logger("shop");
    let (long, name) = ("x".repeat(500), String::from("owned"));
    let error = std::io::Error::other("broken");
    let context = Context::new().user_id("u");
    let call = |log: &prisma_log::Logger, n: u8| {
        info!(log, "plain"; "u8" => n, "i16" => -2_i16, "usize" => 3_usize, "f" => 0.25, "b" => true,
            "str" => "text", "owned" => name, "empty" => "", "u128" => u128::MAX, "i128" => i128::MIN);
        info!(log, "long"; "long" => long, "n" => n);
        info!(log, "mixed {}", "message"; "n" => n, "shown" => %n, "alt" => #?Some(1), "char" => 'c',
            "none" => None::<u8>, "error" => #&error, "f32" => 0.5_f32);
        info!(log, "no fields");
    };
    let child = log.new(o!("tenant" => "a"));
    for n in 0..3 {
        call(&log, n);
        let _scope = context.enter();
        call(&log, n);
        call(&child, n);
    }
    let records = memory.records();
    assert_eq!(records.len(), 36);
    for (index, record) in records.iter().enumerate() {
        let (round, place) = (index / 12, index % 12);
        let in_context = place >= 4;
        assert_eq!(record.context.trace_id.is_some(), in_context, "{record:?}");
        assert_eq!(record.fields.get("tenant").is_some(), place >= 8, "{record:?}");
        assert_eq!(record.sequence, index as u64 + 1);
        // The same call of the first round, but for the round's number.
        let first = &records[place];
        assert_eq!(record.message, first.message);
        assert_eq!(record.fields.len(), first.fields.len());
        for ((key, value), (first_key, first_value)) in
            record.fields.iter().zip(first.fields.iter())
        {
            assert_eq!(key, first_key);
            match key {
                "u8" | "n" => assert_eq!(value, Value::U64(round as u64)),
                "shown" => assert_eq!(value, Value::Str(round.to_string().as_str())),
                _ => assert_eq!(value, first_value),
            }
        }
    }
    let plain: Vec<_> = records[12].fields.iter().collect();
    let expect = [
        ("u8", Value::U64(1)),
        ("i16", Value::I64(-2)),
        ("usize", Value::U64(3)),
        ("f", Value::F64(0.25)),
        ("b", Value::Bool(true)),
        ("str", Value::Str("text")),
        ("owned", Value::Str("owned")),
        ("empty", Value::Str("")),
        ("u128", Value::U128(u128::MAX)),
        ("i128", Value::I128(i128::MIN)),
    ];
    assert_eq!(plain, expect);
    let mixed: Vec<_> = records[14].fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let expect = "n=1 shown=1 alt=Some(\n    1,\n) char=c none=null error=broken f32=0.5";
    assert_eq!(mixed.join(" "), expect);
}

#[test]
fn other_drains_take_the_facades_macros_as_well() {
    use prisma_log::slog::{self, Drain as _};
    let ours = logging(Filter::default());
    let (first, second) = (MemorySink::new(), MemorySink::new());
    let (first_handle, second_handle) = (first.handle(), second.handle());
    let both = slog::Duplicate(
        prisma_log_core::SinkDrain::new(first),
        prisma_log_core::SinkDrain::new(second),
    );
    let log = slog::Logger::root(both.fuse(), o!());
    let typed = ours.0.logger("shop");
    for n in 0..3 {
        info!(typed, "to ours"; "n" => n);
        info!(log, "to both"; "n" => n, "s" => "text");
    }
    assert_eq!(ours.1.records().len(), 3);
    for handle in [first_handle, second_handle] {
        let records = handle.records();
        assert_eq!(records.len(), 3);
        let fields: Vec<_> = records[2].fields.iter().collect();
        assert_eq!(fields, [("n", Value::I64(2)), ("s", Value::Str("text"))]);
    }
}
