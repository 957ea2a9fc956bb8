//! The tables that a round works on.

use std::collections::HashMap;
use std::sync::Arc;

use redb::{Table, WriteTransaction};

use crate::Alert;
use crate::store::db::Fault;
use crate::store::rows::AlertRows;
use crate::store::tables::{
    AlertTables, GROUPS, INBOX, MESSAGES, NEXT_MESSAGE, NEXT_NOTIFICATION, RECEIVERS,
};

/// Alerts that are remembered at once: a round may look at tens of thousands, most of them once or twice.
const MAX_REMEMBERED: usize = 256;

/// The open tables of one transaction, and alerts that were looked up in it.
pub(super) struct Desk<'t> {
    pub(super) tables: AlertTables<'t>,
    pub(super) inbox: Table<'t, u64, (u64, u64)>,
    pub(super) groups: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) messages: Table<'t, u64, &'static [u8]>,
    pub(super) receivers: Table<'t, &'static str, &'static [u8]>,
    alerts: HashMap<u64, Option<Arc<Alert>>>,
}

impl<'t> Desk<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Desk {
            tables: AlertTables::open(transaction)?,
            inbox: transaction.open_table(INBOX)?,
            groups: transaction.open_table(GROUPS)?,
            messages: transaction.open_table(MESSAGES)?,
            receivers: transaction.open_table(RECEIVERS)?,
            alerts: HashMap::new(),
        })
    }

    pub(super) fn alert(&mut self, number: u64) -> Result<Option<Arc<Alert>>, Fault> {
        if let Some(alert) = self.alerts.get(&number) {
            return Ok(alert.clone());
        }
        if self.alerts.len() >= MAX_REMEMBERED {
            self.alerts.clear();
        }
        let alert = self.tables.get(number)?.map(Arc::new);
        self.alerts.insert(number, alert.clone());
        Ok(alert)
    }

    pub(super) fn next_news(&mut self) -> Result<u64, Fault> {
        self.tables.next(NEXT_NOTIFICATION)
    }

    pub(super) fn next_message(&mut self) -> Result<u64, Fault> {
        self.tables.next(NEXT_MESSAGE)
    }
}
