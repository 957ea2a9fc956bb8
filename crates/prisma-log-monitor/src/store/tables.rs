//! What is kept where.

use prisma_log_core::Error;
use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};

use super::db::Fault;
use super::rows::AlertRows;
use crate::Alert;

/// Rises with every change that an older program could not read.
pub(super) const VERSION: u64 = 2;
pub(super) const VERSION_KEY: &str = "version";

/// The version and the next number of everything that is numbered.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("prisma-log-monitor");
/// Alerts by number.
pub(super) const ALERTS: TableDefinition<u64, &[u8]> = TableDefinition::new("alerts");
/// Numbers of alerts by rule and group.
pub(super) const FINGERPRINTS: TableDefinition<&[u8], u64> = TableDefinition::new("fingerprints");
/// Numbers of alerts that are not resolved.
pub(super) const UNRESOLVED: TableDefinition<u64, ()> = TableDefinition::new("unresolved");
/// Numbers of resolved alerts, in the order in which they were resolved.
pub(super) const RESOLVED: TableDefinition<u64, u64> = TableDefinition::new("resolved");
/// Checkpoints by followed path.
pub(super) const CHECKPOINTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("checkpoints");
/// Each file's own time by followed path.
pub(super) const CLOCKS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("clocks");
/// The engine's groups by rule and group.
pub(super) const WINDOWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("windows");
/// News that no handler has returned from yet.
pub(super) const OUTBOX: TableDefinition<u64, &[u8]> = TableDefinition::new("outbox");

/// Numbers of alerts that flap.
pub(super) const FLAPPING: TableDefinition<u64, ()> = TableDefinition::new("flapping");
/// Silences by number.
pub(super) const SILENCES: TableDefinition<u64, &[u8]> = TableDefinition::new("silences");
/// News that is not yet in its groups: by number, the alert's number and the place of the kind.
pub(super) const INBOX: TableDefinition<u64, (u64, u64)> = TableDefinition::new("inbox");
/// What receivers know and are to be told, by receiver, route and group.
pub(super) const GROUPS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("groups");
/// Messages that no receiver has taken yet, by id.
pub(super) const MESSAGES: TableDefinition<u64, &[u8]> = TableDefinition::new("messages");
/// What became of each receiver's news.
pub(super) const RECEIVERS: TableDefinition<&str, &[u8]> = TableDefinition::new("receivers");

pub(super) const NEXT_ALERT: &str = "next alert";
pub(super) const NEXT_RESOLVED: &str = "next resolved";
pub(super) const NEXT_NOTIFICATION: &str = "next notification";
pub(super) const NEXT_SILENCE: &str = "next silence";
pub(super) const NEXT_MESSAGE: &str = "next message";
/// Counts what people did, so that the monitor sees that there is something new.
pub(super) const OPERATIONS: &str = "operations";
/// Not zero when the monitor that was started last has receivers.
pub(super) const HAS_RECEIVERS: &str = "has receivers";
/// Firings that raised no alert, because there were too many.
pub(super) const NOT_OPENED: &str = "not opened";

/// Resolved alerts that are kept.
pub(super) const MAX_RESOLVED: u64 = if cfg!(test) { 50 } else { 10_000 };

/// Creates every table, so that readers find them.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), Fault> {
    transaction.open_table(ALERTS)?;
    transaction.open_table(FINGERPRINTS)?;
    transaction.open_table(UNRESOLVED)?;
    transaction.open_table(RESOLVED)?;
    transaction.open_table(CHECKPOINTS)?;
    transaction.open_table(CLOCKS)?;
    transaction.open_table(WINDOWS)?;
    transaction.open_table(OUTBOX)?;
    transaction.open_table(FLAPPING)?;
    transaction.open_table(SILENCES)?;
    transaction.open_table(INBOX)?;
    transaction.open_table(GROUPS)?;
    transaction.open_table(MESSAGES)?;
    transaction.open_table(RECEIVERS)?;
    Ok(())
}

/// The alert tables in one write transaction.
pub(super) struct AlertTables<'t> {
    meta: Table<'t, &'static str, u64>,
    alerts: Table<'t, u64, &'static [u8]>,
    fingerprints: Table<'t, &'static [u8], u64>,
    unresolved: Table<'t, u64, ()>,
    resolved: Table<'t, u64, u64>,
    flapping: Table<'t, u64, ()>,
}

impl<'t> AlertTables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(AlertTables {
            meta: transaction.open_table(META)?,
            alerts: transaction.open_table(ALERTS)?,
            fingerprints: transaction.open_table(FINGERPRINTS)?,
            unresolved: transaction.open_table(UNRESOLVED)?,
            resolved: transaction.open_table(RESOLVED)?,
            flapping: transaction.open_table(FLAPPING)?,
        })
    }

    /// A count.
    pub(super) fn count(&self, key: &'static str) -> Result<u64, Fault> {
        Ok(self.meta.get(key)?.map_or(0, |count| count.value()))
    }

    /// Adds to a count; returns it.
    pub(super) fn add(&mut self, key: &'static str, more: u64) -> Result<u64, Fault> {
        let count = self.count(key)?.saturating_add(more);
        self.meta.insert(key, count)?;
        Ok(count)
    }

    /// Numbers of the alerts that are not resolved.
    pub(super) fn unresolved_numbers(&self) -> Result<Vec<u64>, Fault> {
        self.unresolved.iter()?.map(|row| Ok(row?.0.value())).collect()
    }

    fn drop_oldest_resolved(&mut self) -> Result<(), Fault> {
        let Some(number) = self.resolved.pop_first()?.map(|(_, number)| number.value()) else {
            return Ok(());
        };
        self.flapping.remove(number)?;
        let gone = self.alerts.remove(number)?.map(|row| Alert::from_bytes(row.value()));
        if let Some(alert) = gone.transpose()? {
            self.fingerprints.remove(&*alert.fingerprint())?;
        }
        Ok(())
    }
}

impl AlertRows for AlertTables<'_> {
    fn next(&mut self, key: &'static str) -> Result<u64, Fault> {
        self.add(key, 1)
    }

    fn unresolved(&self) -> Result<u64, Fault> {
        Ok(self.unresolved.len()?)
    }

    fn get(&self, number: u64) -> Result<Option<Alert>, Fault> {
        let row = self.alerts.get(number)?;
        Ok(row.map(|row| Alert::from_bytes(row.value())).transpose()?)
    }

    fn find(&self, fingerprint: &[u8]) -> Result<Option<Alert>, Fault> {
        let number = self.fingerprints.get(fingerprint)?.map(|number| number.value());
        number.map_or(Ok(None), |number| self.get(number))
    }

    fn put(&mut self, alert: &mut Alert) -> Result<(), Fault> {
        let number = alert.inner.number;
        if alert.is_resolved() {
            if alert.inner.resolved_number.is_none() {
                let place = self.next(NEXT_RESOLVED)?;
                self.resolved.insert(place, number)?;
                alert.inner.resolved_number = Some(place);
            }
            self.unresolved.remove(number)?;
        } else {
            if let Some(place) = alert.inner.resolved_number.take() {
                self.resolved.remove(place)?;
            }
            self.unresolved.insert(number, ())?;
        }
        if alert.flapping {
            self.flapping.insert(number, ())?;
        } else {
            self.flapping.remove(number)?;
        }
        self.alerts.insert(number, &*alert.to_bytes())?;
        self.fingerprints.insert(&*alert.fingerprint(), number)?;
        while self.resolved.len()? > MAX_RESOLVED {
            self.drop_oldest_resolved()?;
        }
        Ok(())
    }
}

/// The number in an alert's id.
pub(super) fn number_of(id: &str) -> Result<u64, Error> {
    Alert::number_of(id).ok_or_else(|| {
        Error::config(format!("invalid alert id {id:?}: expected `A` and a number, as in A000042"))
    })
}

pub(super) fn no_such(id: &str) -> Error {
    Error::state(format!("there is no alert {}", id.escape_debug()))
        .with_hint("`plog alerts list` shows all alerts")
}
