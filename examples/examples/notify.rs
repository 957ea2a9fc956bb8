//! Alerts of a log file to a web hook, of which this example brings the receiver along.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use prisma_log_core::{Clock as _, Error, SystemClock};
use prisma_log_monitor::{Monitor, Rule};
use prisma_log_notify::{HttpOptions, WebhookNotifier, verify_signature};

const SECRET: &str = "only we two know this";

/// Checks and takes requests, and hands on their bodies; refuses the first one.
fn receive(listener: &TcpListener, taken: &Sender<String>) -> std::io::Result<()> {
    for (number, stream) in listener.incoming().enumerate() {
        let mut reader = BufReader::new(stream?);
        let (mut line, mut signature, mut length) = (String::new(), String::new(), 0);
        while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
            if let Some((name, value)) = line.split_once(':') {
                match &*name.to_ascii_lowercase() {
                    "content-length" => length = value.trim().parse().unwrap_or(0),
                    "x-prisma-signature" => signature = value.trim().to_owned(),
                    _ => {}
                }
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (now, minute) = (SystemClock.now(), Duration::from_secs(60));
        let status = match verify_signature(&SECRET.into(), &signature, &body, now, minute) {
            Err(error) => panic!("{error}"),
            Ok(()) if number == 0 => "503 Service Unavailable",
            Ok(()) => "204 No Content",
        };
        println!("answered {status}");
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        reader.get_mut().write_all(head.as_bytes())?;
        if number > 0 {
            let _ = taken.send(String::from_utf8_lossy(&body).into_owned());
        }
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let failed = |doing: &str| {
        let doing = doing.to_owned();
        move |error| Error::io(doing, error)
    };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed("cannot listen"))?;
    let address = listener.local_addr().map_err(failed("cannot listen"))?;
    let (sender, taken) = channel();
    thread::spawn(move || receive(&listener, &sender));

    let folder = tempfile::tempdir().map_err(failed("cannot make a folder"))?;
    let file = folder.path().join("app.log");
    let line =
        r#"{"timestamp":"2026-12-01T08:00:00Z","level":"ERROR","message":"disk full on sda"}"#;
    fs::write(&file, format!("{line}\n").repeat(3)).map_err(failed("cannot write"))?;

    let notifier = WebhookNotifier::builder(format!("http://{address}/alerts"))
        .template(r#"{"what": "{{title}}", "severity": {{severity}}, "status": {{status}}}"#)
        .signing_secret(SECRET)
        .http(HttpOptions::new().proxy_from_env(false))
        .build()?;
    let rule = Rule::builder("disk-full")
        .message("disk full")
        .count(3)
        .window(Duration::from_secs(60))
        .build()?;
    let monitor = Monitor::builder()
        .file(&file)
        .rules([rule])
        .from_start(true)
        .store(folder.path().join("alerts.db"))
        .receiver("hook", notifier)
        .start()?;
    let body = taken.recv_timeout(Duration::from_secs(60)).unwrap_or_default();
    println!("taken: {body}");
    assert!(body.contains("disk-full"));
    monitor.stop()?;
    Ok(())
}
