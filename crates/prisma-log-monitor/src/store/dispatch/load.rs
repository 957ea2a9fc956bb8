//! Going on where an earlier run stood, perhaps under another policy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prisma_log_core::{Error, Timestamp};
use redb::{ReadableTable, WriteTransaction};

use super::desk::Desk;
use super::group::{GroupKey, GroupState};
use super::muting::Muting;
use super::receiver::ReceiverState;
use super::{Dispatcher, Verdict, Waiting, outgoing};
use crate::store::Store;
use crate::store::db::Fault;
use crate::store::silences;
use crate::store::tables::{HAS_RECEIVERS, META, OPERATIONS, SILENCES};
use crate::{NotificationKind, Policy};

impl Store {
    /// What an earlier run left for these receivers, and the messages that wait, oldest first.
    ///
    /// What was in groups that the policy does not have any more is led to where it goes now. Messages
    /// for receivers that are gone are given up.
    pub(crate) fn dispatcher(
        &self,
        policy: &Arc<Policy>,
        names: &[String],
    ) -> Result<(Dispatcher, Vec<Waiting>), Error> {
        let now = self.clock.now();
        self.db.write(|transaction| {
            transaction.open_table(META)?.insert(HAS_RECEIVERS, 1)?;
            let mut dispatcher = Dispatcher {
                policy: Arc::clone(policy),
                names: names.to_vec(),
                groups: BTreeMap::new(),
                places: BTreeMap::new(),
                receivers: BTreeMap::new(),
                muting: Muting::default(),
                operations: 0,
                dirty: BTreeSet::new(),
                seen: now,
            };
            let waiting = dispatcher.load(transaction, now)?;
            Ok((dispatcher, waiting))
        })
    }
}

impl Dispatcher {
    fn load(
        &mut self,
        transaction: &WriteTransaction,
        now: Timestamp,
    ) -> Result<Vec<Waiting>, Fault> {
        let mut desk = Desk::open(transaction)?;
        self.operations = desk.tables.count(OPERATIONS)?;
        self.muting.set_silences(silences::all(&transaction.open_table(SILENCES)?)?, now);
        for row in desk.receivers.iter()? {
            let (name, row) = row?;
            let state = ReceiverState::from_bytes(row.value())?;
            self.receivers.insert(name.value().to_owned(), state);
        }
        let mut strays = Vec::new();
        for row in desk.groups.iter()? {
            let (key, row) = row?;
            let mut known = true;
            let group = GroupState::from_bytes(row.value(), |route, receiver| {
                self.policy.pace_of(route, receiver).unwrap_or_else(|| {
                    known = false;
                    self.policy.any_pace()
                })
            })?;
            known &= self.names.contains(&group.receiver);
            let key = key.value().to_vec();
            if known { self.take_group(key, group) } else { strays.push((key, group)) }
        }
        for (key, group) in strays {
            self.dirty.insert(key);
            self.lead_on(&mut desk, group, now)?;
        }
        let waiting = self.load_messages(&mut desk)?;
        let unresolved = desk.tables.unresolved_numbers()?;
        self.reconcile(&mut desk, &unresolved, now)?;
        self.save(&mut desk)?;
        Ok(waiting)
    }

    fn take_group(&mut self, key: GroupKey, group: GroupState) {
        for number in group.entries.keys() {
            self.places.entry(*number).or_default().insert(key.clone());
        }
        if group.held {
            let receiver = self.receivers.entry(group.receiver.clone()).or_default();
            receiver.held.insert(key.clone());
        }
        self.groups.insert(key, group);
    }

    /// Takes what is in a group to where the policy leads it now.
    fn lead_on(
        &mut self,
        desk: &mut Desk<'_>,
        group: GroupState,
        now: Timestamp,
    ) -> Result<(), Fault> {
        for (number, entry) in group.entries {
            if let Some(pending) = entry.pending {
                let old = self.receivers.entry(group.receiver.clone()).or_default();
                old.counts.muted += pending.count;
                old.dirty = true;
            }
            let Some(alert) = desk.alert(number)? else { continue };
            for target in self.policy.targets(&alert, &self.names) {
                let told_of = entry.told_of && target.receiver == group.receiver;
                let is_over = entry.pending.is_some_and(|p| p.kind == NotificationKind::Resolved);
                if !told_of && (entry.pending.is_none() || is_over) {
                    continue;
                }
                let key = self.place(&target);
                if let Some(group) = self.groups.get_mut(&key) {
                    let entry = group.entries.entry(number).or_default();
                    entry.told_of |= told_of;
                    if told_of {
                        group.told.get_or_insert(now);
                        group.plan();
                    }
                }
                self.places.entry(number).or_default().insert(key.clone());
                self.dirty.insert(key.clone());
                if let Some(pending) = entry.pending {
                    self.add(&key, number, pending.kind, pending.news, now);
                }
            }
        }
        Ok(())
    }

    fn load_messages(&mut self, desk: &mut Desk<'_>) -> Result<Vec<Waiting>, Fault> {
        let mut waiting = Vec::new();
        for row in desk.messages.iter()? {
            let (id, row) = row?;
            let receiver = outgoing::head(row.value())?.0;
            waiting.push(Waiting { receiver, message: id.value() });
        }
        let (waiting, gone): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|one| self.names.contains(&one.receiver));
        for one in gone {
            self.end_message(desk, Verdict { message: one.message, taken: false })?;
        }
        for one in &waiting {
            let receiver = self.receivers.entry(one.receiver.clone()).or_default();
            receiver.waiting.insert(one.message);
        }
        Ok(waiting)
    }

    /// Makes up for news that nobody put into groups, because there were no receivers: of alerts that are
    /// not resolved, and of those that are over meanwhile.
    fn reconcile(
        &mut self,
        desk: &mut Desk<'_>,
        unresolved: &[u64],
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut announced = BTreeSet::new();
        for row in desk.inbox.iter()? {
            announced.insert(row?.1.value().0);
        }
        for &number in unresolved {
            if let Some(alert) = desk.alert(number)? {
                self.muting.note(&self.policy, &alert);
            }
            if !announced.contains(&number) && !self.places.contains_key(&number) {
                let news = desk.next_news()?;
                self.take_news(desk, news, number, NotificationKind::Raised, now)?;
            }
        }
        let is_unresolved: BTreeSet<u64> = unresolved.iter().copied().collect();
        let known: Vec<u64> = self.places.keys().copied().collect();
        for number in known {
            let over = !is_unresolved.contains(&number) && !announced.contains(&number);
            if over && self.believes(number) {
                let news = desk.next_news()?;
                self.take_news(desk, news, number, NotificationKind::Resolved, now)?;
            }
        }
        Ok(())
    }

    /// Whether some group believes that an alert is not resolved and has no news that says otherwise.
    fn believes(&self, number: u64) -> bool {
        let mut groups = self.places.get(&number).into_iter().flatten();
        groups.any(|key| {
            let entry = self.groups.get(key).and_then(|group| group.entries.get(&number));
            entry.is_some_and(|entry| match entry.pending {
                Some(pending) => pending.kind != NotificationKind::Resolved,
                None => entry.told_of,
            })
        })
    }
}
