//! The contract that every sink keeps.

use prisma_log_core::{Durability, Sink as _, SinkDrain};
use prisma_log_otlp::Protocol;
use prisma_log_testkit::contract;

use crate::collector::Collector;
use crate::support::builder;

fn keeps_the_contract(protocol: Protocol) {
    let collector = Collector::new();
    let open = || builder(&collector).protocol(protocol).build().unwrap();
    // A body of OTLP is no line: what a reader would show of it, with escapes, is.
    let lines = || {
        let bodies = collector.stored();
        bodies.iter().map(|body| body.escape_debug().to_string()).collect()
    };
    contract::run(open, lines);
}

#[test]
fn binary() {
    keeps_the_contract(Protocol::HttpProtobuf);
}

#[test]
fn json() {
    keeps_the_contract(Protocol::HttpJson);
}

#[test]
fn under_a_plain_slog_logger() {
    let collector = Collector::new();
    let sink = builder(&collector).build().unwrap();
    assert_eq!(sink.durability(), Durability::PeerAcknowledged);
    let drain = SinkDrain::new(sink);
    let log = slog::Logger::root(drain.named("shop"), slog::o!("version" => 3));
    slog::info!(log, "order processed"; "amount" => 99.5, "items" => 2);
    drain.flush_sinks().unwrap();
    assert_eq!(collector.stored(), ["order processed"]);
}
