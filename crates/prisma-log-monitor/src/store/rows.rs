//! The state of alerts as the monitor changes it: the seam at which several monitors could share it.

use super::db::Fault;
use crate::Alert;

/// Alerts within one transaction.
pub(super) trait AlertRows {
    /// The next number of a kind, from 1.
    fn next(&mut self, key: &'static str) -> Result<u64, Fault>;

    /// How many alerts are not resolved.
    fn unresolved(&self) -> Result<u64, Fault>;

    /// The alert with this number.
    fn get(&self, number: u64) -> Result<Option<Alert>, Fault>;

    /// The alert of a rule and group.
    fn find(&self, fingerprint: &[u8]) -> Result<Option<Alert>, Fault>;

    /// Stores an alert in whatever state it is, and drops resolved ones that are too many.
    fn put(&mut self, alert: &mut Alert) -> Result<(), Fault>;
}
