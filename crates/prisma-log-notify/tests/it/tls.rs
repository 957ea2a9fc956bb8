//! TLS: a server that can't be verified gets no byte of a message.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use prisma_log_monitor::Notifier as _;
use prisma_log_notify::{HttpOptions, WebhookNotifier};
use rustls::{ServerConnection, StreamOwned};

use crate::authority::authority;
use crate::receiver::Request;
use crate::support::{LONG, message};

#[test]
fn only_who_is_verified_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, server) = authority(&folder, "trusted");
    let (other, _) = authority(&folder, "other");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            if Request::read(&mut stream).is_some() {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.flush();
            }
        }
    });
    let notifier = |host: &str, ca: Option<&PathBuf>| {
        let mut options = HttpOptions::new().timeout(LONG).proxy_from_env(false);
        if let Some(ca) = ca {
            options = options.ca_file(ca);
        }
        WebhookNotifier::builder(format!("https://{host}:{port}/")).http(options).build().unwrap()
    };
    notifier("localhost", Some(&trusted)).notify(&message(1)).unwrap();
    for (host, ca) in [("localhost", Some(&other)), ("127.0.0.1", Some(&trusted))] {
        let error = notifier(host, ca).notify(&message(1)).unwrap_err();
        assert!(error.is_temporary, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}
