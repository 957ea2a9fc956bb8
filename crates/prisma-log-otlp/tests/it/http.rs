//! Requests and connections.

use std::net::TcpListener;

use prisma_log_core::{Sink as _, SinkCommand};
use prisma_log_otlp::OtlpSink;

use crate::collector::{Collector, Reply};
use crate::support::{LONG, Numbered, builder};

#[test]
fn a_connection_is_kept_and_named() {
    let collector = Collector::new();
    let mut sink = builder(&collector)
        .header("Authorization", "Basic abc==")
        .header("authorization", "Basic abd==")
        .header("X-Scope", "a,b")
        .build()
        .unwrap();
    for round in 0..5 {
        sink.write(&Numbered::new(round..round + 1).records()).unwrap();
    }
    let requests = collector.requests();
    assert_eq!((requests.len(), collector.connections()), (5, 1));
    for request in &requests {
        assert_eq!(request.header("authorization"), Some("Basic abd=="));
        assert_eq!(request.header("x-scope"), Some("a,b"));
        let agent = format!("prisma-log-otlp/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(request.header("user-agent"), Some(agent.as_str()));
        assert!(request.header("host").is_some());
    }
    sink.command(SinkCommand::Reopen).unwrap();
    sink.write(&Numbered::new(5..6).records()).unwrap();
    assert_eq!(collector.connections(), 2);
}

#[test]
fn a_kept_connection_that_the_server_closed_is_replaced() {
    // It answers, and closes behind its answer without saying so.
    let collector = Collector::scripted(|_| Reply::Status(200, "connection: close\r\n", ""));
    let mut sink = builder(&collector).build().unwrap();
    for round in 0..5 {
        sink.write(&Numbered::new(round..round + 1).records()).unwrap();
    }
    assert_eq!(collector.requests().len(), 5);
}

#[test]
fn no_redirect_is_followed_with_headers() {
    let other = Collector::new();
    for status in [301, 302, 307, 308] {
        let place: &'static str =
            Box::leak(format!("location: {}/v1/logs\r\n", other.url()).into_boxed_str());
        let collector = Collector::scripted(move |_| Reply::Status(status, place, ""));
        let mut sink = builder(&collector).header("authorization", "secret").build().unwrap();
        let failed = sink.write(&Numbered::new(0..2).records()).unwrap_err();
        assert_eq!((failed.delivered, failed.rejected), (0, Some(2)), "{}", failed.error);
        let shown = failed.error.to_string();
        assert!(shown.contains("redirects are not followed; it says: http://"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert!(other.requests().is_empty());
}

#[test]
fn of_an_endless_answer_only_the_beginning_is_read() {
    let collector = Collector::scripted(|_| Reply::Endless(400));
    let mut sink = builder(&collector).build().unwrap();
    let failed = sink.write(&Numbered::new(0..1).records()).unwrap_err();
    assert_eq!(failed.rejected, Some(1), "{}", failed.error);
    assert!(failed.error.to_string().len() < 600);
    // And one that took the records took them, whatever it says on top.
    let collector = Collector::scripted(|_| Reply::Endless(200));
    let mut sink = builder(&collector).build().unwrap();
    sink.write(&Numbered::new(0..1).records()).unwrap();
}

#[test]
fn a_server_that_is_away_is_an_error_with_its_address() {
    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{port}/x");
    let mut sink = OtlpSink::builder().endpoint(&url).timeout(LONG).build().unwrap();
    let failed = sink.write(&Numbered::new(0..2).records()).unwrap_err();
    assert!(failed.retry_after.is_some() && failed.delivered == 0);
    let shown = failed.error.to_string();
    assert!(shown.starts_with("cannot export 2 log records: no answer from http://"), "{shown}");
    assert!(shown.contains("/x/v1/logs"), "{shown}");
}
