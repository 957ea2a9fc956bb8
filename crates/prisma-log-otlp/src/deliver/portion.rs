//! What became of the records of a portion.

use prisma_log_core::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// To be sent.
    Open,
    /// A server has it, or it is none for this server.
    Taken,
    /// No server will ever take it.
    Refused,
}

/// The records at the front of a batch that are being sent.
#[derive(Debug, Default)]
pub(super) struct Portion {
    /// One for each record.
    pub(super) fates: Vec<Fate>,
    /// Why records were refused: the first reason.
    pub(super) error: Option<Error>,
}

impl Portion {
    pub(super) fn refused(&self) -> usize {
        self.fates.iter().filter(|&&fate| fate == Fate::Refused).count()
    }
}
