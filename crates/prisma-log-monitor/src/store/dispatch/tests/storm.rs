//! More matches than anybody wants to hear of: memory, transactions and messages are bounded, and what is
//! held back is counted exactly.

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::Clock;

use super::world::{World, route, seconds};
use crate::{Firing, Group, Match, Policy};

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
    let source: Arc<Path> = Arc::from(Path::new("/var/log/app.log"));
    let mut firings = 0;
    for batch in 0..BATCHES {
        let time = world.clock.now();
        let found = |number: u64| {
            let host = format!("h{}", (number * 7919) % GROUPS);
            let firing = Firing {
                count: 1,
                first: time,
                last: time,
                samples: vec!["warn".into()],
                why: None,
            };
            Match {
                rule: 0,
                source: Arc::clone(&source),
                group: [("host", host)].into_iter().collect::<Group>(),
                time,
                watermark: time,
                number,
                message: "warn".into(),
                sample: "warn".into(),
                firing: Some(firing),
            }
        };
        let matches: Vec<Match> = (batch * BATCH..(batch + 1) * BATCH).map(found).collect();
        firings += matches.len() as u64;
        world.step(&matches);
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
