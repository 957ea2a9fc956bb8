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
