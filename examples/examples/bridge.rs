//! Bridges: libraries that speak `log` and `tracing`, in one trace with our own records.

use std::time::Duration;

use prisma_log::{FileSink, Filter, LogBridge, Logging, TracingBridge, info};

/// A library that is instrumented with `tracing`.
#[tracing::instrument(fields(otel.kind = "client"))]
async fn query(statement: &str) -> usize {
    tracing::debug!(target: "database::query", rows = 1_u64, elapsed_ms = 0.7, "executed");
    statement.len()
}

/// A library that speaks `log`.
fn send_mail(to: &str) {
    log::warn!(target: "mail::smtp", attempts = 2; "mail to {to} was deferred");
    log::trace!(target: "mail::smtp", "not wanted, see the filter");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("app.log");
    let filter: Filter = "info,database=debug".parse()?;
    let logging =
        Logging::builder().sink("file", filter, FileSink::builder(&path).build()?).build()?;
    LogBridge::new(logging.drain()).install()?;
    TracingBridge::new(logging.drain()).install()?;
    let log = logging.logger("shop.orders");

    let request = prisma_log::Context::new().request_id("req789");
    request.run(|| {
        info!(log, "order received"; "order" => 1001);
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(query("select name from orders"));
        send_mail("user@example.org");
        Ok::<(), std::io::Error>(())
    })?;
    assert!(logging.flush(Duration::from_secs(5)).is_ok());

    let written = std::fs::read_to_string(&path)?;
    let trace = request.trace_id().expect("a new context has a trace").to_string();
    assert_eq!(written.lines().count(), 4); // three records, and the end of the span `query`
    assert!(written.lines().all(|line| line.contains(&trace) && line.contains("req789")));
    assert!(written.contains(r#""span.kind":"client""#));
    Ok(())
}
