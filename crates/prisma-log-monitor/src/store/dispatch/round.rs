//! One round: verdicts, news into groups, messages of what is due.

use prisma_log_core::Timestamp;
use redb::{ReadableTable, WriteTransaction};

use super::desk::Desk;
use super::group::{GroupKey, GroupState};
use super::outgoing::{self, Ready};
use super::{Dispatcher, Verdict, Waiting};
use crate::policy::Target;
use crate::store::db::Fault;
use crate::store::silences;
use crate::store::tables::{OPERATIONS, SILENCES};
use crate::{Group, Message, NotificationKind};

/// News that one round takes in.
const MAX_NEWS: usize = 20_000;

impl Dispatcher {
    pub(super) fn round(
        &mut self,
        transaction: &WriteTransaction,
        verdicts: &[Verdict],
        now: Timestamp,
        at_the_end: bool,
    ) -> Result<Vec<Waiting>, Fault> {
        let mut desk = Desk::open(transaction)?;
        self.settle(now);
        for verdict in verdicts {
            self.end_message(&mut desk, *verdict)?;
        }
        let operations = desk.tables.count(OPERATIONS)?;
        if operations != self.operations {
            self.operations = operations;
            let silences = silences::all(&transaction.open_table(SILENCES)?)?;
            self.muting.set_silences(silences, now);
            self.check_muted(now);
        }
        self.take_inbox(&mut desk, now)?;
        let mut made = Vec::new();
        let waits = |group: &GroupState| group.first_news.is_some() || group.check.is_some();
        let due = |group: &GroupState| group.next <= now || (at_the_end && waits(group));
        let keys: Vec<GroupKey> = self
            .groups
            .iter()
            .filter(|(_, group)| due(group))
            .map(|(key, _)| key.clone())
            .collect();
        for key in self.most_urgent_first(&mut desk, keys)? {
            made.extend(self.look_at(&mut desk, &key, now, at_the_end)?);
        }
        for name in self.names.clone() {
            made.extend(self.digest(&mut desk, &name, now, at_the_end)?);
        }
        self.save(&mut desk)?;
        Ok(made)
    }

    /// The cap must not keep the worst back.
    fn most_urgent_first(
        &self,
        desk: &mut Desk<'_>,
        keys: Vec<GroupKey>,
    ) -> Result<Vec<GroupKey>, Fault> {
        if keys.len() < 2 {
            return Ok(keys);
        }
        let mut ranked = Vec::with_capacity(keys.len());
        for key in keys {
            let mut worst = None;
            let entries = self.groups.get(&key).into_iter().flat_map(|group| &group.entries);
            for (number, _) in entries.filter(|(_, entry)| entry.pending.is_some()) {
                let alert = desk.alert(*number)?;
                worst = worst.max(alert.map(|alert| (!alert.is_resolved(), alert.severity)));
            }
            ranked.push((std::cmp::Reverse(worst), key));
        }
        ranked.sort();
        Ok(ranked.into_iter().map(|(_, key)| key).collect())
    }

    /// Times that a clock which went back has not come to yet become now.
    fn settle(&mut self, now: Timestamp) {
        if now < self.seen {
            for (key, group) in &mut self.groups {
                let times =
                    [&mut group.first_news, &mut group.flushed, &mut group.told, &mut group.check];
                times.into_iter().for_each(|time| *time = time.map(|time| time.min(now)));
                group.plan();
                self.dirty.insert(key.clone());
            }
            self.receivers.values_mut().for_each(|receiver| receiver.settle(now));
        }
        self.seen = now;
    }

    pub(super) fn end_message(
        &mut self,
        desk: &mut Desk<'_>,
        verdict: Verdict,
    ) -> Result<(), Fault> {
        let Verdict { message, taken } = verdict;
        let Some(row) = desk.messages.remove(message)? else { return Ok(()) };
        let (name, covered) = outgoing::head(row.value())?;
        self.receivers.entry(name).or_default().ends(message, taken, covered);
        Ok(())
    }

    /// What is muted is looked at again.
    fn check_muted(&mut self, now: Timestamp) {
        for group in self.groups.values_mut().filter(|group| group.check.is_some()) {
            group.check = Some(now);
            group.plan();
        }
    }

    fn take_inbox(&mut self, desk: &mut Desk<'_>, now: Timestamp) -> Result<(), Fault> {
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

    /// Does what is due in a group: reminders, a message, or its end.
    fn look_at(
        &mut self,
        desk: &mut Desk<'_>,
        key: &GroupKey,
        now: Timestamp,
        at_the_end: bool,
    ) -> Result<Option<Waiting>, Fault> {
        self.remind(desk, key, now)?;
        let ready = self.sift(desk, key, now)?;
        let Some(group) = self.groups.get_mut(key) else { return Ok(None) };
        self.dirty.insert(key.clone());
        if ready.is_empty() {
            if group.entries.is_empty() && group.open_from() <= now {
                self.groups.remove(key);
            } else {
                group.looked_at(now);
            }
            return Ok(None);
        }
        if group.open_from() > now && !at_the_end {
            group.first_news = None;
            group.check = Some(group.open_from());
            group.plan();
            return Ok(None);
        }
        let receiver = self.receivers.entry(group.receiver.clone()).or_default();
        if !receiver.may_send(&self.policy, now) {
            if !(at_the_end && group.held) {
                receiver.holds(key.clone(), now);
                group.held = true;
                group.flushed = Some(now);
            }
            group.check = None;
            group.first_news.get_or_insert(now);
            group.plan();
            return Ok(None);
        }
        let (name, values) = (group.receiver.clone(), group.values.clone());
        self.send(desk, name, values, vec![(key.clone(), ready)], now).map(Some)
    }

    /// Makes one message of all that a receiver's cap held back.
    fn digest(
        &mut self,
        desk: &mut Desk<'_>,
        name: &str,
        now: Timestamp,
        at_the_end: bool,
    ) -> Result<Option<Waiting>, Fault> {
        let Some(receiver) = self.receivers.get_mut(name) else { return Ok(None) };
        let hurry = at_the_end && receiver.digest_since.is_some();
        let due = receiver.is_digest_due(&self.policy, now)
            || (hurry && receiver.has_room(&self.policy, now));
        if !due {
            return Ok(None);
        }
        receiver.digest_since = None;
        receiver.dirty = true;
        let keys = std::mem::take(&mut receiver.held);
        let mut parts = Vec::new();
        for key in keys {
            let ready = self.sift(desk, &key, now)?;
            let Some(group) = self.groups.get_mut(&key) else { continue };
            group.held = false;
            self.dirty.insert(key.clone());
            if ready.is_empty() {
                group.looked_at(now);
            } else {
                parts.push((key, ready));
            }
        }
        let values = match &parts[..] {
            [] => return Ok(None),
            [(key, _)] => self.groups.get(key).map(|group| group.values.clone()),
            _ => None,
        };
        self.send(desk, name.to_owned(), values.unwrap_or_default(), parts, now).map(Some)
    }

    /// Turns unresolved alerts that the receiver was told of long ago into news.
    fn remind(&mut self, desk: &mut Desk<'_>, key: &GroupKey, now: Timestamp) -> Result<(), Fault> {
        let Some(group) = self.groups.get_mut(key) else { return Ok(()) };
        if group.reminder_at().is_none_or(|at| at > now) {
            return Ok(());
        }
        group.told = Some(now);
        let knows =
            group.entries.iter().filter(|(_, entry)| entry.told_of && entry.pending.is_none());
        let numbers: Vec<u64> = knows.map(|(number, _)| *number).collect();
        for number in numbers {
            let Some(alert) = desk.alert(number)? else { continue };
            if !alert.is_resolved() && !self.muting.mutes(&self.policy, &alert, now) {
                let news = desk.next_news()?;
                self.add(key, number, NotificationKind::Reminder, news, now);
            }
        }
        Ok(())
    }

    /// News of a group that may go out; what there is nothing left to tell of is dropped and counted.
    fn sift(
        &mut self,
        desk: &mut Desk<'_>,
        key: &GroupKey,
        now: Timestamp,
    ) -> Result<Vec<(u64, Ready)>, Fault> {
        let Some(group) = self.groups.get_mut(key) else { return Ok(Vec::new()) };
        let receiver = self.receivers.entry(group.receiver.clone()).or_default();
        let mut ready = Vec::new();
        let mut gone = Vec::new();
        for (&number, entry) in &mut group.entries {
            let alert = desk.alert(number)?;
            let Some(alert) = alert else {
                receiver.counts.muted += entry.pending.map_or(0, |pending| pending.count);
                receiver.dirty = true;
                gone.push(number);
                continue;
            };
            let Some(pending) = entry.pending else { continue };
            if !self.muting.mutes(&self.policy, &alert, now) {
                ready.push((number, Ready { alert, pending }));
                continue;
            }
            let nothing_left = match pending.kind {
                NotificationKind::Resolved => !entry.told_of,
                NotificationKind::Reminder => true,
                _ => false,
            };
            if nothing_left {
                receiver.counts.muted += pending.count;
                receiver.dirty = true;
                entry.pending = None;
                if pending.kind == NotificationKind::Resolved {
                    gone.push(number);
                }
            }
        }
        for number in gone {
            self.forget(key, number);
        }
        Ok(ready)
    }

    /// An alert is in a group no more.
    fn forget(&mut self, key: &GroupKey, alert: u64) {
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

    /// Makes a message of news from some groups.
    fn send(
        &mut self,
        desk: &mut Desk<'_>,
        name: String,
        group: Group,
        parts: Vec<(GroupKey, Vec<(u64, Ready)>)>,
        now: Timestamp,
    ) -> Result<Waiting, Fault> {
        let id = desk.next_message()?;
        let mut all = Vec::new();
        for (key, ready) in parts {
            for (number, one) in ready {
                let is_over = one.alert.is_resolved();
                let entry =
                    self.groups.get_mut(&key).and_then(|group| group.entries.get_mut(&number));
                if let Some(entry) = entry {
                    entry.pending = None;
                    entry.told_of = !is_over;
                }
                if is_over {
                    self.forget(&key, number);
                }
                all.push(one);
            }
            if let Some(group) = self.groups.get_mut(&key) {
                (group.flushed, group.told) = (Some(now), Some(now));
                group.looked_at(now);
            }
            self.dirty.insert(key);
        }
        let receiver = self.receivers.entry(name.clone()).or_default();
        let suppressed = receiver.sends(id, now);
        let (message, covered) =
            outgoing::compose(all, self.policy.max_alerts_per_message, |news, omitted| Message {
                id,
                receiver: name.clone(),
                group,
                at: now,
                news,
                omitted,
                suppressed,
                redelivered: false,
            });
        desk.messages.insert(id, &*outgoing::write(&message, covered))?;
        Ok(Waiting { receiver: name, message: id })
    }

    pub(super) fn save(&mut self, desk: &mut Desk<'_>) -> Result<(), Fault> {
        for key in std::mem::take(&mut self.dirty) {
            match self.groups.get(&key) {
                Some(group) => desk.groups.insert(&*key, &*group.to_bytes())?,
                None => desk.groups.remove(&*key)?,
            };
        }
        for (name, receiver) in self.receivers.iter_mut().filter(|(_, receiver)| receiver.dirty) {
            desk.receivers.insert(&**name, &*receiver.to_bytes())?;
            receiver.dirty = false;
        }
        Ok(())
    }
}
