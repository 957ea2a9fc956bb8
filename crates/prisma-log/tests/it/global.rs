use prisma_log::{Filter, Logging, Memory, info, set_global};
use prisma_log_testkit::MemorySink;

#[test]
fn the_global_slot_is_filled_once() {
    info!("before any logger is set, to stderr"; "n" => 1);
    let memory = MemorySink::new();
    let handle = memory.handle();
    let builder = Logging::builder().memory(Memory::Anonymous).inline(true);
    let logging = builder.sink("memory", Filter::default(), memory).build().unwrap();
    set_global(logging.logger("global")).unwrap();
    info!("hello {}", "there"; "n" => 2);
    info!("plain");
    info!(# "tag", "tagged");
    assert!(set_global(logging.logger("second")).unwrap_err().is_state());
    let messages: Vec<_> = handle.records().into_iter().map(|record| record.message).collect();
    assert_eq!(messages, ["hello there", "plain", "tagged"]);
}
