//! Messages to a syslog server.

use std::net::UdpSocket;

use prisma_log_core::Error;
use prisma_log_monitor::Notifier as _;
use prisma_log_notify::SyslogNotifier;
use prisma_log_syslog::{SyslogSink, Transport};

use crate::support::{LONG, message};

#[test]
fn a_server_gets_a_record_for_each_alert() -> Result<(), Error> {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server.set_read_timeout(Some(LONG)).unwrap();
    let address = server.local_addr().unwrap().to_string();
    let sink = SyslogSink::builder(Transport::udp(address)).app_name("plog").build()?;
    let mut sent = message(7);
    sent.news.push(sent.news[0].clone());
    SyslogNotifier::new(sink).notify(&sent).map_err(|error| error.error)?;
    for _ in 0..2 {
        let mut buffer = [0; 4096];
        let bytes = server.recv(&mut buffer).unwrap();
        let text = String::from_utf8_lossy(&buffer[..bytes]);
        assert!(text.starts_with("<10>1 2026-11-24T08:00:00") && text.contains(" plog "), "{text}");
        for part in ["alert.rule=\"disk-full\"", "alert.group.host=\"web1\"", "CRITICAL disk-full"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    Ok(())
}
