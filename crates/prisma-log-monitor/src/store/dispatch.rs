//! From news to messages: routes, groups, muting, caps; all of it in the store.

mod desk;
mod flush;
mod group;
mod load;
mod muting;
mod news;
mod outgoing;
mod receiver;
mod round;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prisma_log_core::{Error, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::Store;
use super::db::Fault;
use super::tables::{HAS_RECEIVERS, INBOX, MESSAGES, META, OPERATIONS, RECEIVERS};
use crate::{Message, NotificationKind, Policy};
use group::{GroupKey, GroupState};
use muting::Muting;
use receiver::ReceiverState;

pub use receiver::ReceiverStatus;

/// What receivers know, what they are to be told, and when.
///
/// A copy of what the store has; after a transaction that failed it has to be loaded afresh.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    policy: Arc<Policy>,
    /// The receivers that there are.
    names: Vec<String>,
    groups: BTreeMap<GroupKey, GroupState>,
    /// The groups that an alert is in.
    places: BTreeMap<u64, BTreeSet<GroupKey>>,
    receivers: BTreeMap<String, ReceiverState>,
    muting: Muting,
    /// What the store's count was when silences were read last.
    operations: u64,
    /// Groups whose rows are not as they stand here.
    dirty: BTreeSet<GroupKey>,
    /// The time of the last round.
    seen: Timestamp,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) message: u64,
    /// Whether the receiver took it; else it is given up.
    pub(crate) taken: bool,
}

/// A message that waits for its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) receiver: String,
    pub(crate) message: u64,
}

impl Store {
    /// Takes a step towards receivers in one transaction: notes verdicts, puts news into its groups, and
    /// makes messages of what is due, at the end also of what could wait. Returns the messages that are
    /// new.
    pub(crate) fn dispatch(
        &self,
        dispatcher: &mut Dispatcher,
        verdicts: &[Verdict],
        at_the_end: bool,
    ) -> Result<Vec<Waiting>, Error> {
        let now = self.clock.now();
        self.db.write(|transaction| dispatcher.round(transaction, verdicts, now, at_the_end))
    }

    /// Whether there is anything to do for [`Store::dispatch`].
    pub(crate) fn is_dispatch_due(&self, dispatcher: &Dispatcher) -> Result<bool, Error> {
        if dispatcher.is_due(self.clock.now()) {
            return Ok(true);
        }
        self.db.read(|transaction| {
            let operations = transaction.open_table(META)?.get(OPERATIONS)?;
            let operations = operations.map_or(0, |count| count.value());
            let is_empty = transaction.open_table(INBOX)?.is_empty()?;
            Ok(!is_empty || operations != dispatcher.operations)
        })
    }

    /// The monitor has no receivers: nobody puts news into groups.
    pub(crate) fn without_receivers(&self) -> Result<(), Error> {
        let has_receivers = self.db.read(|transaction| {
            let flag = transaction.open_table(META)?.get(HAS_RECEIVERS)?;
            Ok(flag.is_some_and(|flag| flag.value() != 0))
        })?;
        if !has_receivers {
            return Ok(());
        }
        self.db.write(|transaction| {
            transaction.open_table(META)?.insert(HAS_RECEIVERS, 0)?;
            transaction.open_table(INBOX)?.retain(|_, _| false)?;
            Ok(())
        })
    }

    /// The message with this id, unless it was taken or given up.
    pub(crate) fn message(&self, id: u64) -> Result<Option<Message>, Error> {
        self.db.read(|transaction| {
            let row = transaction.open_table(MESSAGES)?.get(id)?;
            let message =
                row.map(|row| outgoing::read(id, row.value()).map(|(message, _)| message));
            Ok(message.transpose()?)
        })
    }

    /// What became of each receiver's news since the store was made, by name.
    ///
    /// # Errors
    /// When the file can't be read or is damaged.
    pub fn receivers(&self) -> Result<Vec<ReceiverStatus>, Error> {
        self.db.read(|transaction| {
            let mut receivers = Vec::new();
            for row in transaction.open_table(RECEIVERS)?.iter()? {
                let (name, row) = row?;
                receivers.push(ReceiverState::from_bytes(row.value())?.status(name.value()));
            }
            Ok(receivers)
        })
    }
}

/// Lays news before the dispatcher: number of the news, number of the alert, what happened. Without
/// receivers nobody waits for it.
pub(super) fn announce(
    transaction: &WriteTransaction,
    news: impl IntoIterator<Item = (u64, u64, NotificationKind)>,
) -> Result<(), Fault> {
    let mut news = news.into_iter().peekable();
    if news.peek().is_none() {
        return Ok(());
    }
    let has_receivers = transaction.open_table(META)?.get(HAS_RECEIVERS)?.map(|flag| flag.value());
    if has_receivers.unwrap_or(0) == 0 {
        return Ok(());
    }
    let mut inbox = transaction.open_table(INBOX)?;
    for (number, alert, kind) in news {
        inbox.insert(number, (alert, kind.place()))?;
    }
    Ok(())
}

impl Dispatcher {
    fn is_due(&self, now: Timestamp) -> bool {
        now < self.seen
            || self.groups.values().any(|group| group.next <= now)
            || self.receivers.values().any(|receiver| receiver.is_digest_due(&self.policy, now))
    }
}

#[cfg(test)]
mod tests;
