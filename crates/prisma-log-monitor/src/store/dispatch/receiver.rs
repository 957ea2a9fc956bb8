//! How much a receiver is told, and what became of it.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::group::GroupKey;
use super::outgoing::Covered;
use crate::Policy;
use crate::codec::{Reader, Writer};
use crate::text::{json_object, json_string};

const MINUTE: Duration = Duration::from_secs(60);
/// How long a digest waits for more.
const DIGEST_WAIT: Duration = Duration::from_secs(10);
/// Messages that may wait for a receiver; what is beyond them becomes a digest.
const MAX_WAITING: usize = 100;

/// What became of a receiver's news since the store was made.
///
/// Every message that was due was made or held back, and every one that was made is taken, given up
/// or waiting. Every piece of news is told, merged, omitted, muted, given up or pending: nothing gets lost
/// without being counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverStatus {
    /// The receiver's name.
    pub receiver: String,
    /// Messages that were made.
    pub messages: u64,
    /// Messages that it took.
    pub taken: u64,
    /// Messages that were given up.
    pub given_up: u64,
    /// Messages that its cap held back; their news went into digests.
    pub suppressed: u64,
    /// Pieces of news of alerts that routes led to it.
    pub news: u64,
    /// Pieces of news that stood in messages it took.
    pub told: u64,
    /// Pieces of news that were overtaken by a later one of the same alert in the same message.
    pub merged: u64,
    /// Pieces of news that messages it took only counted.
    pub omitted: u64,
    /// Pieces of news that silences, maintenance, inhibition or flapping kept back until nothing was left
    /// to tell, or that no route leads to it any more.
    pub muted: u64,
    /// Pieces of news in messages that were given up.
    pub lost: u64,
}

impl ReceiverStatus {
    /// Messages that wait to be taken.
    pub fn waiting(&self) -> u64 {
        self.messages.saturating_sub(self.taken + self.given_up)
    }

    /// Pieces of news that wait in groups or in messages.
    pub fn pending(&self) -> u64 {
        let done = self.told + self.merged + self.omitted + self.muted + self.lost;
        self.news.saturating_sub(done)
    }

    /// The status as one line of JSON, with a key for each field, `waiting` and `pending`.
    pub fn to_json(&self) -> String {
        json_object([
            ("receiver", json_string(&self.receiver)),
            ("messages", self.messages.to_string()),
            ("taken", self.taken.to_string()),
            ("given_up", self.given_up.to_string()),
            ("suppressed", self.suppressed.to_string()),
            ("waiting", self.waiting().to_string()),
            ("news", self.news.to_string()),
            ("told", self.told.to_string()),
            ("merged", self.merged.to_string()),
            ("omitted", self.omitted.to_string()),
            ("muted", self.muted.to_string()),
            ("lost", self.lost.to_string()),
            ("pending", self.pending().to_string()),
        ])
    }
}

/// A receiver as the dispatcher sees it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ReceiverState {
    /// Counts; the name stays empty.
    pub(super) counts: ReceiverStatus,
    /// When the messages of the last minute were made.
    times: VecDeque<Timestamp>,
    /// Messages held back since the last one.
    pub(super) held_back: u64,
    /// Since when there is something for a digest.
    pub(super) digest_since: Option<Timestamp>,
    /// Groups whose news waits for the digest; stored with the groups.
    pub(super) held: BTreeSet<GroupKey>,
    /// Messages that wait; stored apart.
    pub(super) waiting: BTreeSet<u64>,
    /// Whether the row is not as it stands here.
    pub(super) dirty: bool,
}

impl ReceiverState {
    /// Whether a message may be made now.
    pub(super) fn may_send(&self, policy: &Policy, now: Timestamp) -> bool {
        self.digest_since.is_none() && self.has_room(policy, now)
    }

    /// Whether a digest is to be made now.
    pub(super) fn is_digest_due(&self, policy: &Policy, now: Timestamp) -> bool {
        let due = |since: Timestamp| since.saturating_add(DIGEST_WAIT) <= now;
        self.digest_since.is_some_and(due) && self.has_room(policy, now)
    }

    pub(super) fn has_room(&self, policy: &Policy, now: Timestamp) -> bool {
        let recent = self.times.iter().filter(|&&at| is_recent(at, now)).count();
        recent < policy.max_per_minute as usize && self.waiting.len() < MAX_WAITING
    }

    /// A clock that went back must not let more through, nor hold everything back until it is where it
    /// was.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.times.iter_mut().for_each(|at| *at = (*at).min(now));
        self.digest_since = self.digest_since.map(|since| since.min(now));
        self.dirty = true;
    }

    /// A message is made; returns how many were held back since the last one.
    pub(super) fn sends(&mut self, message: u64, now: Timestamp) -> u64 {
        self.times.retain(|&at| is_recent(at, now));
        self.times.push_back(now);
        self.waiting.insert(message);
        self.counts.messages += 1;
        self.dirty = true;
        std::mem::take(&mut self.held_back)
    }

    /// A message is held back, its group's news waits for a digest.
    pub(super) fn holds(&mut self, group: GroupKey, now: Timestamp) {
        self.held_back += 1;
        self.counts.suppressed += 1;
        self.digest_since.get_or_insert(now);
        self.held.insert(group);
        self.dirty = true;
    }

    /// A message is done with.
    pub(super) fn ends(&mut self, message: u64, taken: bool, covered: Covered) {
        self.waiting.remove(&message);
        self.dirty = true;
        if taken {
            self.counts.taken += 1;
            self.counts.told += covered.told;
            self.counts.merged += covered.merged;
            self.counts.omitted += covered.omitted;
        } else {
            self.counts.given_up += 1;
            self.counts.lost += covered.total();
        }
    }

    pub(super) fn status(&self, name: &str) -> ReceiverStatus {
        ReceiverStatus { receiver: name.to_owned(), ..self.counts.clone() }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let counts = &self.counts;
        let mut out = Writer::new();
        for count in [
            counts.messages,
            counts.taken,
            counts.given_up,
            counts.suppressed,
            counts.news,
            counts.told,
            counts.merged,
            counts.omitted,
            counts.muted,
            counts.lost,
        ] {
            out.u64(count);
        }
        out.list(self.times.iter(), |out, at| out.time(*at));
        out.u64(self.held_back);
        out.option(self.digest_since, Writer::time);
        out.finish()
    }

    pub(super) fn from_bytes(row: &[u8]) -> Result<Self, Error> {
        let mut from = Reader::new(row, "receiver")?;
        let counts = ReceiverStatus {
            receiver: String::new(),
            messages: from.u64()?,
            taken: from.u64()?,
            given_up: from.u64()?,
            suppressed: from.u64()?,
            news: from.u64()?,
            told: from.u64()?,
            merged: from.u64()?,
            omitted: from.u64()?,
            muted: from.u64()?,
            lost: from.u64()?,
        };
        let state = ReceiverState {
            counts,
            times: from.list(Reader::time)?.into(),
            held_back: from.u64()?,
            digest_since: from.option(Reader::time)?,
            ..ReceiverState::default()
        };
        from.finish()?;
        Ok(state)
    }
}

/// Whether a message of that time counts for the cap.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.saturating_since(at) < MINUTE
}
