//! News into groups.

use prisma_log_core::Timestamp;
use redb::ReadableTable;

use super::Dispatcher;
use super::desk::Desk;
use super::group::{GroupKey, GroupState};
use crate::NotificationKind;
use crate::policy::Target;
use crate::store::db::Fault;

/// News that one round takes in.
const MAX_NEWS: usize = 20_000;

impl Dispatcher {
    pub(super) fn take_inbox(&mut self, desk: &mut Desk<'_>, now: Timestamp) -> Result<(), Fault> {
        let mut news = Vec::new();
        for row in desk.inbox.iter()?.take(MAX_NEWS) {
            let (number, row) = row?;
            let (alert, kind) = row.value();
            news.push((number.value(), alert, kind));
        }
        for (number, alert, kind) in news {
            desk.inbox.remove(number)?;
            let kind = NotificationKind::at_place(kind);
            self.take_news(desk, number, alert, kind, now)?;
        }
        Ok(())
    }

    /// Puts news of an alert into the groups that routes lead to, and those that know of the alert.
    pub(super) fn take_news(
        &mut self,
        desk: &mut Desk<'_>,
        news: u64,
        number: u64,
        kind: NotificationKind,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let Some(alert) = desk.alert(number)? else { return Ok(()) };
        if self.muting.note(&self.policy, &alert) {
            self.check_muted(now);
        }
        let mut keys = self.places.get(&number).cloned().unwrap_or_default();
        // Who has not heard of an alert need not hear that it is over.
        if kind != NotificationKind::Resolved {
            let targets = self.policy.targets(&alert, &self.names);
            keys.extend(targets.iter().map(|target| self.place(target)));
        }
        for key in keys {
            self.add(&key, number, kind, news, now);
        }
        Ok(())
    }

    /// The group that a target means.
    pub(super) fn place(&mut self, target: &Target) -> GroupKey {
        let key = GroupState::key_of(target);
        let group = self.groups.entry(key.clone()).or_insert_with(|| GroupState::new(target));
        group.pace = target.pace;
        key
    }

    pub(super) fn add(
        &mut self,
        key: &GroupKey,
        alert: u64,
        kind: NotificationKind,
        news: u64,
        now: Timestamp,
    ) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.add(alert, kind, news, 1, now);
        let receiver = self.receivers.entry(group.receiver.clone()).or_default();
        receiver.counts.news += 1;
        receiver.dirty = true;
        self.places.entry(alert).or_default().insert(key.clone());
        self.dirty.insert(key.clone());
    }

    /// An alert is in a group no more.
    pub(super) fn forget(&mut self, key: &GroupKey, alert: u64) {
        if let Some(group) = self.groups.get_mut(key) {
            group.entries.remove(&alert);
        }
        if let Some(places) = self.places.get_mut(&alert) {
            places.remove(key);
            if places.is_empty() {
                self.places.remove(&alert);
            }
        }
    }
}
