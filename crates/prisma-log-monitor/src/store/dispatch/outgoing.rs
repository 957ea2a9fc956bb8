//! Messages as the store keeps them.

use std::cmp::Reverse;
use std::sync::Arc;

use prisma_log_core::{Error, Timestamp};

use super::desk::Desk;
use super::group::Pending;
use crate::codec::{Reader, Writer};
use crate::store::db::Fault;
use crate::{Alert, Group, Message, Notification, NotificationKind, Severity};

/// News that goes into a message.
pub(super) struct Ready {
    /// The alert's number.
    pub(super) alert: u64,
    pub(super) is_over: bool,
    pub(super) severity: Severity,
    pub(super) pending: Pending,
}

/// Pieces of news that a message stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Covered {
    /// Listed in it.
    pub(super) told: u64,
    /// Overtaken by a listed one of the same alert.
    pub(super) merged: u64,
    /// Only counted in it.
    pub(super) omitted: u64,
}

impl Covered {
    pub(super) fn total(self) -> u64 {
        self.told + self.merged + self.omitted
    }
}

/// A message of the most urgent of what is ready, and what it stands for.
pub(super) fn compose(
    desk: &mut Desk<'_>,
    mut ready: Vec<Ready>,
    most: usize,
    head: impl FnOnce(Vec<Notification>, u64) -> Message,
) -> Result<(Message, Covered), Fault> {
    ready.sort_by_key(|one| (one.is_over, Reverse(one.severity), one.pending.news));
    let (mut news, mut covered, mut omitted) = (Vec::new(), Covered::default(), 0);
    for Ready { alert, pending, .. } in ready {
        let alert = if news.len() < most { desk.alert(alert)? } else { None };
        let Some(alert) = alert else {
            covered.omitted += pending.count;
            omitted += 1;
            continue;
        };
        covered.told += 1;
        covered.merged += pending.count - 1;
        news.push(Notification {
            number: pending.news,
            kind: pending.kind,
            redelivered: false,
            alert: Arc::unwrap_or_clone(alert),
        });
    }
    Ok((head(news, omitted), covered))
}

pub(super) fn write(message: &Message, covered: Covered) -> Vec<u8> {
    let mut out = Writer::new();
    out.text(&message.receiver);
    for count in [covered.told, covered.merged, covered.omitted] {
        out.u64(count);
    }
    out.list(message.group.iter(), |out, (key, value)| {
        out.text(key);
        out.text(value);
    });
    out.time(message.at);
    out.u64(message.omitted);
    out.u64(message.suppressed);
    out.list(message.news.iter(), |out, news| {
        out.u64(news.number);
        out.choice(&NotificationKind::ALL, news.kind);
        out.bytes(&news.alert.to_bytes());
    });
    out.finish()
}

pub(super) fn read(id: u64, row: &[u8]) -> Result<(Message, Covered), Error> {
    let mut from = Reader::new(row, "message")?;
    let receiver = from.text()?.to_owned();
    let covered = Covered { told: from.u64()?, merged: from.u64()?, omitted: from.u64()? };
    let group: Vec<(String, String)> =
        from.list(|from| Ok((from.text()?.to_owned(), from.text()?.to_owned())))?;
    let at = from.time()?;
    let (omitted, suppressed) = (from.u64()?, from.u64()?);
    let news = from.list(|from| {
        Ok(Notification {
            number: from.u64()?,
            kind: from.choice(&NotificationKind::ALL)?,
            redelivered: false,
            alert: Alert::from_bytes(from.bytes()?)?,
        })
    })?;
    from.finish()?;
    let group: Group = group.into_iter().collect();
    let message =
        Message { id, receiver, group, at, news, omitted, suppressed, redelivered: false };
    Ok((message, covered))
}

/// Whom a stored message is for, what it stands for, and from when it is.
pub(super) fn head(row: &[u8]) -> Result<(String, Covered), Error> {
    let mut from = Reader::new(row, "message")?;
    let receiver = from.text()?.to_owned();
    Ok((receiver, Covered { told: from.u64()?, merged: from.u64()?, omitted: from.u64()? }))
}

impl Message {
    /// The same message, as it is given when it may have been taken already.
    pub(crate) fn again(mut self) -> Self {
        self.redelivered = true;
        self.news.iter_mut().for_each(|news| news.redelivered = true);
        self
    }

    /// How old it is.
    pub(crate) fn age(&self, now: Timestamp) -> std::time::Duration {
        now.saturating_since(self.at)
    }
}
