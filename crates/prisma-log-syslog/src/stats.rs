//! Counters that a ledger has no room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a syslog sink did so far; clones look at the same counters.
///
/// A front end's ledger says which records the sink took. These counters say what became of them,
/// as far as anybody can know.
#[derive(Clone, Debug, Default)]
pub struct SyslogStats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    confirmed: AtomicU64,
    unconfirmed: AtomicU64,
    refused: AtomicU64,
    resent: AtomicU64,
    connections: AtomicU64,
    cut: AtomicU64,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident, $add:ident;)*) => {
        impl SyslogStats {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> u64 {
                    self.0.$name.load(Ordering::Relaxed)
                }

                pub(crate) fn $add(&self, count: usize) {
                    self.0.$name.fetch_add(count as u64, Ordering::Relaxed);
                }
            )*
        }
    };
}

counters! {
    /// Messages that the sink handed to the kernel, each counted once.
    sent, add_sent;
    /// Messages on a stream of which the other end's kernel acknowledged every byte; on a unix
    /// stream, which were read. Messages that had to be resent count once.
    confirmed, add_confirmed;
    /// Datagrams that left: over UDP nobody says whether they arrived.
    unconfirmed, add_unconfirmed;
    /// How often the other machine answered a datagram by saying that nobody listens there. Each
    /// answer stands for one datagram lost, or more.
    refused, add_refused;
    /// Messages sent once more on a new connection, because the last one broke before they were
    /// confirmed. The server may have some of them twice.
    resent, add_resent;
    /// Connections made, the first included; for datagrams, sockets opened.
    connections, add_connections;
    /// Messages that were cut to the greatest length.
    cut, add_cut;
}

impl SyslogStats {
    /// These are no longer confirmed: they are going to be sent again.
    pub(crate) fn take_back_confirmed(&self, count: usize) {
        self.0.confirmed.fetch_sub(count as u64, Ordering::Relaxed);
    }
}
