//! One round: verdicts, news into groups, messages of what is due.

use prisma_log_core::Timestamp;
use redb::WriteTransaction;

use super::desk::Desk;
use super::group::{GroupKey, GroupState};
use super::{Dispatcher, Verdict, Waiting, outgoing};
use crate::store::db::Fault;
use crate::store::silences;
use crate::store::tables::{OPERATIONS, SILENCES};

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
    pub(super) fn check_muted(&mut self, now: Timestamp) {
        for group in self.groups.values_mut().filter(|group| group.check.is_some()) {
            group.check = Some(now);
            group.plan();
        }
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
