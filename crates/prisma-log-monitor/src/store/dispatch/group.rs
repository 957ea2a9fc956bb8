//! News that shares messages.

use std::collections::BTreeMap;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use crate::codec::{Reader, Writer};
use crate::policy::{Pace, Target};
use crate::{Group, NotificationKind};

/// How long until muted news is looked at again.
const MUTED_FOR: Duration = Duration::from_secs(5);
const NEVER: Timestamp = Timestamp::from_unix_nanos(i64::MAX);

/// Receiver, route and values: what tells groups apart.
pub(super) type GroupKey = Vec<u8>;

/// What a receiver knows of the alerts of one group, and what it is to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GroupState {
    pub(super) receiver: String,
    pub(super) route: u64,
    pub(super) values: Group,
    pub(super) pace: Pace,
    /// By the alerts' numbers.
    pub(super) entries: BTreeMap<u64, Entry>,
    /// When the first news came that has not been looked at.
    pub(super) first_news: Option<Timestamp>,
    /// When a message was made last, or would have been if there were not too many.
    pub(super) flushed: Option<Timestamp>,
    /// When the receiver was told or reminded last.
    pub(super) told: Option<Timestamp>,
    /// When muted news is looked at again.
    pub(super) check: Option<Timestamp>,
    /// Whether its news waits for a digest.
    pub(super) held: bool,
    /// When there is something to do; not stored.
    pub(super) next: Timestamp,
}

/// One alert in a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Whether the receiver believes that it is not resolved.
    pub(super) told_of: bool,
    pub(super) pending: Option<Pending>,
}

/// News of an alert that the receiver does not have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pending {
    pub(super) kind: NotificationKind,
    /// Its number.
    pub(super) news: u64,
    /// Pieces of news that it stands for.
    pub(super) count: u64,
}

impl GroupState {
    pub(super) fn new(target: &Target) -> Self {
        GroupState {
            receiver: target.receiver.clone(),
            route: target.route,
            values: target.group.clone(),
            pace: target.pace,
            entries: BTreeMap::new(),
            first_news: None,
            flushed: None,
            told: None,
            check: None,
            held: false,
            next: NEVER,
        }
    }

    pub(super) fn key_of(target: &Target) -> GroupKey {
        let mut key = target.receiver.as_bytes().to_vec();
        key.push(0);
        key.extend_from_slice(&target.route.to_be_bytes());
        key.extend_from_slice(target.group.to_key().as_bytes());
        key
    }

    /// Takes news of an alert in; `count` pieces of it.
    pub(super) fn add(
        &mut self,
        alert: u64,
        kind: NotificationKind,
        news: u64,
        count: u64,
        now: Timestamp,
    ) {
        let entry = self.entries.entry(alert).or_default();
        entry.pending = Some(match entry.pending {
            None => Pending { kind, news, count },
            Some(old) => Pending { kind: merged(old.kind, kind), news, count: old.count + count },
        });
        self.first_news.get_or_insert(now);
        self.plan();
    }

    /// When the next reminder is due.
    pub(super) fn reminder_at(&self) -> Option<Timestamp> {
        let knows = self.entries.values().any(|entry| entry.told_of);
        self.told.filter(|_| knows).map(|told| told.saturating_add(self.pace.repeat_interval))
    }

    /// The earliest time of the next message.
    pub(super) fn open_from(&self) -> Timestamp {
        let interval = self.pace.group_interval;
        self.flushed.map_or(Timestamp::from_unix_nanos(i64::MIN), |at| at.saturating_add(interval))
    }

    /// Sets when there is something to do.
    pub(super) fn plan(&mut self) {
        let waited = self
            .first_news
            .map(|first| first.saturating_add(self.pace.group_wait).max(self.open_from()));
        let emptied = self.entries.is_empty().then(|| self.open_from());
        let times = [waited, self.check, self.reminder_at(), emptied];
        self.next = times.into_iter().flatten().min().unwrap_or(NEVER);
    }

    /// What is left was looked at and is muted.
    pub(super) fn looked_at(&mut self, now: Timestamp) {
        self.first_news = None;
        let is_muted = self.entries.values().any(|entry| entry.pending.is_some());
        self.check = is_muted.then(|| now.saturating_add(MUTED_FOR));
        self.plan();
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.text(&self.receiver);
        out.fixed(self.route);
        out.list(self.values.iter(), |out, (key, value)| {
            out.text(key);
            out.text(value);
        });
        out.list(self.entries.iter(), |out, (alert, entry)| {
            out.u64(*alert);
            out.choice(&[false, true], entry.told_of);
            out.option(entry.pending, |out, pending| {
                out.choice(&NotificationKind::ALL, pending.kind);
                out.u64(pending.news);
                out.u64(pending.count);
            });
        });
        for time in [self.first_news, self.flushed, self.told, self.check] {
            out.option(time, Writer::time);
        }
        out.choice(&[false, true], self.held);
        out.finish()
    }

    /// Reads a row; its pace is that of the route now.
    pub(super) fn from_bytes(
        row: &[u8],
        pace: impl FnOnce(u64, &str) -> Pace,
    ) -> Result<GroupState, Error> {
        let mut from = Reader::new(row, "group of news")?;
        let receiver = from.text()?.to_owned();
        let route = from.fixed()?;
        let values = from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?;
        let entries = from.list(|from| {
            let alert = from.u64()?;
            let told_of = from.choice(&[false, true])?;
            let pending = from.option(|from| {
                Ok(Pending {
                    kind: from.choice(&NotificationKind::ALL)?,
                    news: from.u64()?,
                    count: from.u64()?,
                })
            })?;
            Ok((alert, Entry { told_of, pending }))
        })?;
        let mut time = || from.option(Reader::time);
        let (first_news, flushed, told, check) = (time()?, time()?, time()?, time()?);
        let held = from.choice(&[false, true])?;
        from.finish()?;
        let pace = pace(route, &receiver);
        let mut group = GroupState {
            receiver,
            route,
            values: values.into_iter().collect(),
            pace,
            entries: entries.into_iter().collect(),
            first_news,
            flushed,
            told,
            check,
            held,
            next: NEVER,
        };
        group.plan();
        Ok(group)
    }
}

/// What two pieces of news of an alert, one after the other, come to.
fn merged(old: NotificationKind, new: NotificationKind) -> NotificationKind {
    use NotificationKind::{Escalated, Raised, Reminder, Reopened};
    match (old, new) {
        // That it is new says more.
        (Raised | Reopened, Escalated | Reminder) => old,
        (Escalated, Reminder) => old,
        _ => new,
    }
}
