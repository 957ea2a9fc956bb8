//! What people do to alerts.

use prisma_log_core::{Error, Timestamp};
use redb::{ReadableTable, WriteTransaction};

use super::db::Fault;
use super::rows::AlertRows;
use super::tables::{AlertTables, CLOCKS, NEXT_NOTIFICATION, OPERATIONS, no_such, number_of};
use super::{Store, dispatch};
use crate::codec::Reader;
use crate::engine::SourceClock;
use crate::{Alert, NotificationKind};

impl Store {
    /// Takes note that `by` knows about an open alert; returns it as it stands then.
    ///
    /// `by` is 1 to 256 bytes without control characters; `note` may be empty and has at most 4 KiB.
    ///
    /// # Errors
    /// When there is no such alert, when it is not open (an [`Error::is_state`] that says what is
    /// allowed), when `by` or `note` are outside their limits, or when the file can't be written.
    pub fn acknowledge(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        self.operate(id, None, |alert, now| alert.acknowledge(by, note, now))
    }

    /// Takes an acknowledgement back: the alert is open again, and its severity may rise.
    ///
    /// # Errors
    /// As [`Store::acknowledge`], and when the alert is not acknowledged.
    pub fn unacknowledge(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        self.operate(id, None, |alert, now| alert.unacknowledge(by, note, now))
    }

    /// Ends an open or acknowledged alert; returns it as it stands then. Receivers are told.
    ///
    /// `by` and `note` have the limits of [`Store::acknowledge`].
    ///
    /// # Errors
    /// As [`Store::acknowledge`], and when the alert is resolved already.
    pub fn resolve(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        let kind = Some(NotificationKind::Resolved);
        self.operate(id, kind, |alert, now| alert.resolve(by, note, now))
    }

    /// Opens a resolved alert again; its quiet period starts anew. Receivers are told.
    ///
    /// # Errors
    /// As [`Store::acknowledge`], and when the alert is not resolved.
    pub fn reopen(&self, id: &str, by: &str, note: &str) -> Result<Alert, Error> {
        let kind = Some(NotificationKind::Reopened);
        self.operate(id, kind, |alert, now| alert.reopen(by, note, now))
    }

    /// Gives an alert to a person, or with an empty name to nobody; returns it as it stands then.
    ///
    /// # Errors
    /// As [`Store::acknowledge`], but in every state.
    pub fn assign(&self, id: &str, to: &str, by: &str) -> Result<Alert, Error> {
        self.operate(id, None, |alert, now| alert.assign(to, by, now))
    }

    /// Keeps what `by` says about an alert: 1 byte to 4 KiB, at most 32 times.
    ///
    /// # Errors
    /// As [`Store::acknowledge`], but in every state, and when there are too many comments.
    pub fn comment(&self, id: &str, by: &str, text: &str) -> Result<Alert, Error> {
        self.operate(id, None, |alert, now| alert.comment(by, text, now))
    }

    fn operate(
        &self,
        id: &str,
        news: Option<NotificationKind>,
        change: impl FnOnce(&mut Alert, Timestamp) -> Result<(), Error>,
    ) -> Result<Alert, Error> {
        let number = number_of(id)?;
        let now = self.clock.now();
        self.db.write(|transaction| {
            let mut tables = AlertTables::open(transaction)?;
            let mut alert = tables.get(number)?.ok_or_else(|| Fault::Own(no_such(id)))?;
            change(&mut alert, now)?;
            if news == Some(NotificationKind::Reopened) {
                restart_quiet_period(transaction, &mut alert, now)?;
            }
            tables.put(&mut alert)?;
            tables.add(OPERATIONS, 1)?;
            if let Some(kind) = news {
                let news = tables.next(NEXT_NOTIFICATION)?;
                drop(tables);
                dispatch::announce(transaction, [(news, number, kind)])?;
            }
            Ok(alert)
        })
    }
}

/// Quiet periods run on the clock of the file that the last match came from.
fn restart_quiet_period(
    transaction: &WriteTransaction,
    alert: &mut Alert,
    now: Timestamp,
) -> Result<(), Fault> {
    let clocks = transaction.open_table(CLOCKS)?;
    let row = clocks.get(alert.inner.quiet_source.as_os_str().as_encoded_bytes())?;
    let in_file = match row {
        Some(row) => {
            let mut from = Reader::new(row.value(), "clock")?;
            from.path()?;
            SourceClock::read(&mut from)?.now(now)
        }
        None => Some(now),
    };
    alert.inner.quiet_since = alert.inner.quiet_since.max(in_file.unwrap_or(now));
    Ok(())
}
