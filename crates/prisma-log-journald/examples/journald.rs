//! The journal sink alone under plain slog; where there is no journal, a socket of the example's own
//! shows what would be sent.
//!
//! `cargo run -p prisma-log-journald --example journald`, then `journalctl -t shop -o verbose`.

#![expect(clippy::print_stdout, reason = "it shows what was sent")]

use std::os::unix::net::UnixDatagram;

use prisma_log_core::{Error, SinkDrain};
use prisma_log_journald::{JournaldSink, stream_is_journal};
use slog::{Logger, error, info, o};

fn main() -> Result<(), Error> {
    let builder = JournaldSink::builder().identifier("shop");
    match builder.clone().build() {
        Ok(sink) => {
            log_some(sink)?;
            println!("sent to the journal; look with: journalctl -t shop -o verbose");
            if stream_is_journal(std::io::stderr()) {
                println!("this program's standard error goes there as well");
            }
            Ok(())
        }
        Err(error) => {
            println!("{error}; so this is what would be sent:");
            let path = std::env::temp_dir().join(format!("journal-{}.sock", std::process::id()));
            let bound = UnixDatagram::bind(&path);
            let socket = bound.map_err(|error| Error::io_at("bind", &path, error))?;
            let shown = builder.socket(&path).build().and_then(|sink| {
                log_some(sink)?;
                show(&socket).map_err(|error| Error::io_at("read", &path, error))
            });
            std::fs::remove_file(&path).map_err(|error| Error::io_at("remove", &path, error))?;
            shown
        }
    }
}

fn log_some(sink: JournaldSink) -> Result<(), Error> {
    let drain = SinkDrain::new(sink);
    let log = Logger::root(drain.named("shop.orders"), o!("version" => "1.4.2"));
    info!(log, "order processed"; "order" => 42, "amount" => 99.9);
    error!(log, "payment refused"; "error.type" => "E001", "priority" => "a field, not the level");
    drain.flush_sinks()
}

/// Prints each datagram that waits: all values here are in the protocol's short form.
fn show(socket: &UnixDatagram) -> std::io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut bytes = [0; 64 * 1024];
    loop {
        match socket.recv(&mut bytes) {
            Ok(length) => println!("\n{}", String::from_utf8_lossy(&bytes[..length])),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
