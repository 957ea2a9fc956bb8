//! More matches than anybody wants to hear of: memory, transactions and messages are bounded, and what is
//! held back is counted exactly.

use super::world::{World, route, seconds};
use crate::Policy;

const BATCH: u64 = 2_000;
const BATCHES: u64 = if cfg!(debug_assertions) { 10 } else { 500 };
const GROUPS: u64 = 3_000;
const MAX_OPEN: u64 = 500;
const CAP: u32 = 5;

#[test]
fn a_storm_is_bounded_and_counted() {
    let policy = Policy::builder()
        .max_open_alerts(MAX_OPEN)
        .max_per_minute(CAP)
        .max_alerts_per_message(10)
        .route(route().receiver("a").group_by(["..."]).group_wait(seconds(0)));
    let mut world = World::new(policy);
    let mut firings = 0;
    for batch in 0..BATCHES {
        let lines = batch * BATCH..(batch + 1) * BATCH;
        let lines: Vec<String> = lines.map(|n| format!("warn h{}", n * 7919 % GROUPS)).collect();
        firings += lines.len() as u64;
        world.lines(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        world.clock.advance(std::time::Duration::from_millis(10));
        world.round();
        world.take_all();
    }
    let alerts = world.store.list(&crate::AlertFilter::all()).unwrap();
    assert_eq!(alerts.len() as u64, MAX_OPEN);
    let counted: u64 = alerts.iter().map(|alert| alert.count).sum();
    assert_eq!(counted + world.store.not_opened().unwrap(), firings);
    world.clock.advance(seconds(70));
    world.round();
    world.take_all();
    world.pass(3);
    let status = world.status("a");
    assert!(status.messages <= 2 * u64::from(CAP), "{status:?}");
    assert_eq!((status.news, status.pending()), (MAX_OPEN, 0));
    assert_eq!(status.told + status.omitted, MAX_OPEN);
    let told: u64 = world.got.iter().map(|message| message.suppressed).sum();
    assert!(told > 0 && told == status.suppressed, "{status:?}");
}
