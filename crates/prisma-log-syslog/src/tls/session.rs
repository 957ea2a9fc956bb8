//! One TLS connection: frames in, bytes for the socket out.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, ProtocolVersion};

use super::Client;
use crate::net::link::{self, Socket};

/// How long a server that asked who we are may take to refuse us: as long as it took for two
/// answers, between these. In TLS 1.3 its answer comes after our last word of the handshake, and
/// nothing must be sent to a server that does not listen.
const REFUSAL_PATIENCE: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_millis(900));

pub(crate) struct TlsSession {
    connection: ClientConnection,
    client: Arc<Client>,
    begun: Instant,
    /// Until when the server may refuse us; known once the handshake is done.
    verdict: Option<Instant>,
    closed: bool,
}

impl TlsSession {
    pub(crate) fn new(mut connection: ClientConnection, client: Arc<Client>) -> Self {
        // What is put in is taken out at once.
        connection.set_buffer_limit(None);
        TlsSession { connection, client, begun: Instant::now(), verdict: None, closed: false }
    }
}

impl link::Session for TlsSession {
    fn is_ready(&mut self, now: Instant) -> bool {
        if self.connection.is_handshaking() {
            return false;
        }
        let (least, most) = REFUSAL_PATIENCE;
        let patience = (now.saturating_duration_since(self.begun) * 2).clamp(least, most);
        let verdict = *self.verdict.get_or_insert(now + patience);
        !self.client.was_asked()
            || self.connection.protocol_version() != Some(ProtocolVersion::TLSv1_3)
            // Only those who are let in get a ticket.
            || self.connection.tls13_tickets_received() > 0
            || now >= verdict
    }

    fn encrypt(&mut self, frames: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.connection.writer().write_all(frames)?;
        self.pending(out);
        Ok(())
    }

    fn pending(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            if self.connection.write_tls(out).is_err() {
                return;
            }
        }
    }

    fn read(&mut self, socket: &mut Socket) -> io::Result<bool> {
        if self.connection.read_tls(socket)? == 0 {
            return Ok(false);
        }
        match self.connection.process_new_packets() {
            Ok(state) => self.closed |= state.peer_has_closed(),
            Err(error) => {
                // The server may be told why, if that is possible at once.
                let _told = self.connection.write_tls(socket);
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
        let mut unread = [0; 1024];
        while matches!(self.connection.reader().read(&mut unread), Ok(1..)) {}
        // A server that closed its side will not read either.
        Ok(!self.closed)
    }

    fn was_closed(&self) -> bool {
        self.closed
    }

    fn say_goodbye(&mut self, out: &mut Vec<u8>) {
        self.connection.send_close_notify();
        self.pending(out);
    }
}
