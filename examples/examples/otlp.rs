//! Records and spans to an OpenTelemetry collector, of which this example brings a small one along.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use prisma_log::otlp::{Compression, Protocol};
use prisma_log::{Error, Filter, Logging, Memory, OtlpSink, info};
use prisma_log_context::{SpanKind, Tracer};

/// Answers one connection's requests, and prints them.
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut path, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line)? > 0 {
        if let Some((_, rest)) = line.split_once("POST ") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        } else if line.trim().is_empty() {
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            println!("{path}: {}", String::from_utf8_lossy(&body));
            reader.get_mut().write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
            )?;
        }
        line.clear();
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let listener =
        TcpListener::bind("127.0.0.1:0").map_err(|error| Error::io("cannot listen", error))?;
    let address = listener.local_addr().map_err(|error| Error::io("cannot listen", error))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });

    let sink = OtlpSink::builder()
        .endpoint(format!("http://{address}"))
        .service_name("order-service")
        // Readable, for this example; binary and gzip are the defaults.
        .protocol(Protocol::HttpJson)
        .compression(Compression::None)
        .build()?;
    let stats = sink.stats();
    let logging = Logging::builder()
        .memory(Memory::Anonymous)
        .blocking_sink("collector", Filter::default(), sink)
        .build()?;
    let log = logging.logger("shop.orders");

    let tracer = Tracer::new(&log);
    let span = tracer.span("POST /orders").kind(SpanKind::Server).start();
    {
        let _scope = span.enter();
        info!(log, "order processed"; "order" => 42, "amount" => 99.9, "event.name" => "order.done");
    }
    span.attribute("http.response.status_code", 201_u64);
    span.end();

    let report = logging.flush(Duration::from_secs(10));
    let ledger = logging.health().sinks[0].ledger;
    println!("{} delivered, {} dropped", ledger.delivered(), ledger.dropped());
    assert!(report.is_ok());
    // The log record and the span.
    assert_eq!((stats.taken(), ledger.delivered(), ledger.dropped()), (2, 2, 0));
    Ok(())
}
