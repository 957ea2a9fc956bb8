//! What people ask about alerts.

use std::io::Write;

use prisma_log_core::Error;
use redb::ReadableTable;

use super::Store;
use super::db::Fault;
use super::tables::{ALERTS, META, NOT_OPENED, no_such, number_of};
use crate::text::{json_object, json_string};
use crate::{Alert, AlertFilter, Transition};

/// A step in some alert's life.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The alert's id.
    pub alert: String,
    /// Its rule's name.
    pub rule: String,
    /// What happened.
    pub step: Transition,
}

impl HistoryEntry {
    /// The entry as one line of JSON: `alert`, `rule`, and the keys of a `history` entry of
    /// [`Alert::to_json`].
    pub fn to_json(&self) -> String {
        let mut pairs =
            vec![("alert", json_string(&self.alert)), ("rule", json_string(&self.rule))];
        pairs.extend(self.step.json_pairs());
        json_object(pairs)
    }
}

impl Store {
    /// The alerts that pass, oldest first; with a limit the newest of them.
    ///
    /// # Errors
    /// When the file can't be read or is damaged.
    pub fn list(&self, filter: &AlertFilter) -> Result<Vec<Alert>, Error> {
        self.db.read(|transaction| {
            let table = transaction.open_table(ALERTS)?;
            let mut alerts = Vec::new();
            for row in table.iter()?.rev() {
                if alerts.len() >= filter.most() {
                    break;
                }
                let alert = Alert::from_bytes(row?.1.value())?;
                if filter.passes(&alert) {
                    alerts.push(alert);
                }
            }
            alerts.reverse();
            Ok(alerts)
        })
    }

    /// The alert with this id; the leading letter and zeros may be left out.
    ///
    /// # Errors
    /// When there is none, or the file can't be read or is damaged.
    pub fn get(&self, id: &str) -> Result<Alert, Error> {
        let number = number_of(id)?;
        self.db.read(|transaction| {
            let row = transaction.open_table(ALERTS)?.get(number)?;
            let row = row.ok_or_else(|| no_such(id))?;
            Ok(Alert::from_bytes(row.value())?)
        })
    }

    /// Writes the alerts that pass as JSON lines ([`Alert::to_json`]), oldest first, as they stand at one
    /// moment, without holding all of them in memory; returns how many there are. With a limit they
    /// are the oldest.
    ///
    /// # Errors
    /// When the store can't be read or is damaged, or when `out` fails.
    pub fn export(&self, filter: &AlertFilter, out: &mut dyn Write) -> Result<u64, Error> {
        self.db.read(|transaction| {
            let mut written = 0;
            for row in transaction.open_table(ALERTS)?.iter()? {
                if written >= filter.most() as u64 {
                    break;
                }
                let alert = Alert::from_bytes(row?.1.value())?;
                if filter.passes(&alert) {
                    let line = alert.to_json() + "\n";
                    let failed = |error| Fault::Own(Error::io("cannot export alerts", error));
                    out.write_all(line.as_bytes()).map_err(failed)?;
                    written += 1;
                }
            }
            Ok(written)
        })
    }

    /// Everything that happened to the alerts that pass, in the order of its time.
    ///
    /// # Errors
    /// When the file can't be read or is damaged.
    pub fn history(&self, filter: &AlertFilter) -> Result<Vec<HistoryEntry>, Error> {
        let mut entries = Vec::new();
        for alert in self.list(filter)? {
            let Alert { id, rule, history, .. } = alert;
            let entry = |step| HistoryEntry { alert: id.clone(), rule: rule.clone(), step };
            entries.extend(history.into_iter().map(entry));
        }
        entries.sort_by_key(|entry| entry.step.at);
        Ok(entries)
    }

    /// Firings that raised no alert since the store was made, because too many were not resolved.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn not_opened(&self) -> Result<u64, Error> {
        self.db.read(|transaction| {
            let count = transaction.open_table(META)?.get(NOT_OPENED)?;
            Ok(count.map_or(0, |count| count.value()))
        })
    }
}
