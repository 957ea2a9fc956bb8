//! Groups into messages.

use prisma_log_core::Timestamp;

use super::desk::Desk;
use super::group::GroupKey;
use super::outgoing::{self, Ready};
use super::{Dispatcher, Waiting};
use crate::store::db::Fault;
use crate::{Group, Message, NotificationKind};

impl Dispatcher {
    /// Does what is due in a group: reminders, a message, or its end.
    pub(super) fn look_at(
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
    pub(super) fn digest(
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
    ) -> Result<Vec<Ready>, Fault> {
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
                let (is_over, severity) = (alert.is_resolved(), alert.severity);
                ready.push(Ready { alert: number, is_over, severity, pending });
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

    /// Makes a message of news from some groups.
    fn send(
        &mut self,
        desk: &mut Desk<'_>,
        name: String,
        group: Group,
        parts: Vec<(GroupKey, Vec<Ready>)>,
        now: Timestamp,
    ) -> Result<Waiting, Fault> {
        let id = desk.next_message()?;
        let mut all = Vec::new();
        for (key, ready) in parts {
            for one in ready {
                let group = self.groups.get_mut(&key);
                if let Some(entry) = group.and_then(|group| group.entries.get_mut(&one.alert)) {
                    entry.pending = None;
                    entry.told_of = !one.is_over;
                }
                if one.is_over {
                    self.forget(&key, one.alert);
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
        let head = |news, omitted| Message {
            id,
            receiver: name.clone(),
            group,
            at: now,
            news,
            omitted,
            suppressed,
            redelivered: false,
        };
        let most = self.policy.max_alerts_per_message;
        let (message, covered) = outgoing::compose(desk, all, most, head)?;
        desk.messages.insert(id, &*outgoing::write(&message, covered))?;
        Ok(Waiting { receiver: name, message: id })
    }
}
