//! Context: what a request's records carry, in child spans and on other threads.

use std::time::Duration;

use prisma_log::{Context, EcsEncoder, FileSink, Filter, Logging, info};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("app.json");
    let file = FileSink::builder(&path).encoder(EcsEncoder::new()).build()?;
    let logging = Logging::builder().sink("file", Filter::default(), file).build()?;
    let log = logging.logger("shop.orders");

    let request = Context::new().user_id("user123").request_id("req789").field("tenant", "acme");
    let _scope = request.enter();
    info!(log, "order received"; "order" => 1001);

    let step = request.child();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _scope = step.enter(); // the thread joins the trace, in a span of its own
            info!(log, "payment authorized"; "amount" => 99.9);
        });
    });
    assert!(logging.flush(Duration::from_secs(5)).is_ok());

    let written = std::fs::read_to_string(&path)?;
    let trace = request.trace_id().expect("a new context has a trace").to_string();
    assert_eq!(written.lines().count(), 2);
    assert!(written.lines().all(|line| line.contains(&trace)));
    Ok(())
}
