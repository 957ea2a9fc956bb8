//! A rule of your own, and an alert's life: raised, acknowledged, resolved, opened again.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::mpsc;
use std::time::Duration;

use prisma_log::monitor::{FieldCondition, NotificationKind, Severity};
use prisma_log::{FileSink, Filter, Logging, Monitor, Rule, warn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let log = scratch.path().join("app.log");
    let sink = FileSink::builder(&log).build()?;
    let logging = Logging::builder().sink("file", Filter::default(), sink).build()?;
    let orders = logging.logger("shop.orders");

    let slow = Rule::builder("slow-orders")
        .description("Three orders of one shop took longer than half a second within a minute.")
        .severity(Severity::Warning)
        .logger("shop.orders")
        .field(FieldCondition::greater("duration_ms", 500.0))
        .count(3)
        .window(Duration::from_secs(60))
        .group_by(["shop"])
        .build()?;
    let (news, raised) = mpsc::channel();
    let monitor = Monitor::builder()
        .rules([slow])
        .file(&log)
        .from_start(true)
        .store(scratch.path().join("alerts.redb"))
        .on_alert(move |alert| {
            println!("ALERT: {alert}");
            drop(news.send((alert.id.clone(), alert.kind)));
        })
        .start()?;

    let three_slow_orders = || {
        for order in 0..3 {
            warn!(orders, "slow order"; "shop" => "north", "order" => order, "duration_ms" => 700);
            warn!(orders, "slow order"; "shop" => "south", "order" => order, "duration_ms" => 300);
        }
    };
    three_slow_orders();
    let (id, kind) = raised.recv_timeout(Duration::from_secs(30))?;
    assert_eq!(kind, NotificationKind::Raised);

    let alert = monitor.acknowledge(&id, "ana", "looking into it")?;
    println!("{alert}");
    let alert = monitor.resolve(&id, "ana", "index added")?;
    println!("{alert}");
    assert_eq!(alert.group.get("shop"), Some("north"));

    three_slow_orders();
    let (again, kind) = raised.recv_timeout(Duration::from_secs(30))?;
    assert_eq!((again, kind), (id, NotificationKind::Reopened));
    let report = monitor.stop()?;
    println!("{} lines read, {} alert raised", report.lines, report.raised);
    Ok(())
}
