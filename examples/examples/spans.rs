//! Spans: a trace that comes in with a request, its spans as records, and what is sent on.

use std::time::Duration;

use prisma_log::{FileSink, Filter, InContext as _, Logging, SpanKind, info};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let path = scratch.path().join("app.json");
    let file = FileSink::builder(&path).build()?;
    let logging = Logging::builder().sink("file", Filter::default(), file).build()?;
    let (log, tracer) = (logging.logger("shop"), logging.tracer("shop"));
    let propagation = logging.propagation();

    // What the caller sent along. Bad headers are counted, and the trace begins anew.
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers = [("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))];
    let incoming = propagation.extract(&headers);

    let request = tracer.span("POST /orders").kind(SpanKind::Server).continues(&incoming).start();
    let work = async {
        info!(log, "order received"; "order" => 1001);
        let charge = tracer.span("charge card").kind(SpanKind::Client).start();
        charge.attribute("amount", 99.9);
        let mut onward: Vec<(String, String)> = Vec::new();
        propagation.inject(charge.context(), &mut onward);
        assert!(onward[0].1.starts_with(&format!("00-{trace}-")));
        charge.fail("card declined");
    };
    // In the span's context on whichever thread it is polled; the span ends with the future.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(work.in_span(request));
    assert!(logging.flush(Duration::from_secs(5)).is_ok());

    let written = std::fs::read_to_string(&path)?;
    assert_eq!(written.lines().count(), 3);
    assert!(written.lines().all(|line| line.contains(trace)));
    assert!(written.contains(r#""span.status":"error","span.status_message":"card declined""#));
    Ok(())
}
