//! Places in event time: a log of last year and one of today, read together, each have their own.

use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use crate::codec::{Reader, Writer};
use crate::engine::DISORDER;

/// Eras that a group keeps; of more, the one that was left first is forgotten.
const MAX_ERAS: usize = 4;
/// A step ahead by more than this is another era, not silence.
const AHEAD: Duration = Duration::from_secs(31 * 86_400);

/// The eras of a group, the one that was entered last at the end.
#[derive(Debug, PartialEq)]
pub(super) struct Eras<S>(Vec<Era<S>>);

/// A stretch of event time that goes on without large steps back.
#[derive(Debug, PartialEq)]
pub(super) struct Era<S> {
    pub(super) first: Timestamp,
    pub(super) latest: Timestamp,
    pub(super) state: S,
}

impl<S> Default for Eras<S> {
    fn default() -> Self {
        Eras(Vec::new())
    }
}

/// How far a line may lie behind the latest one of its era.
pub(super) fn reach_back(window: Duration, late: Duration) -> Duration {
    DISORDER.max(window.saturating_add(late))
}

impl<S: Default> Eras<S> {
    /// The era that a line of this time belongs to, which may be a new one; it lies at most `back`
    /// behind the era's latest time.
    pub(super) fn enter(&mut self, time: Timestamp, back: Duration) -> &mut Era<S> {
        let distances = self.0.iter().map(|era| era.distance(time, back)).enumerate();
        let near = distances.filter_map(|(at, distance)| Some((distance?, at))).min();
        let era = match near {
            Some((_, at)) => self.0.remove(at),
            None => {
                if self.0.len() == MAX_ERAS {
                    self.0.remove(0);
                }
                Era { first: time, latest: time, state: S::default() }
            }
        };
        self.0.push_mut(era)
    }
}

impl<S> Eras<S> {
    /// The era that goes on at `now`.
    pub(super) fn present(&mut self, now: Timestamp) -> Option<&mut Era<S>> {
        let past = self.0.iter_mut().filter(|era| era.latest <= now);
        past.max_by_key(|era| era.latest).filter(|era| now.saturating_since(era.latest) <= AHEAD)
    }

    /// The era that reaches furthest.
    pub(super) fn furthest(&self) -> Option<&Era<S>> {
        self.0.iter().max_by_key(|era| era.latest)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Era<S>> {
        self.0.iter()
    }

    pub(super) fn write(&self, out: &mut Writer, mut put: impl FnMut(&mut Writer, &S)) {
        out.list(self.0.iter(), |out, era| {
            out.time(era.first);
            out.time(era.latest);
            put(out, &era.state);
        });
    }

    pub(super) fn read<'a>(
        from: &mut Reader<'a>,
        mut get: impl FnMut(&mut Reader<'a>) -> Result<S, Error>,
    ) -> Result<Self, Error> {
        let eras = from.list(|from| {
            Ok(Era { first: from.time()?, latest: from.time()?, state: get(from)? })
        })?;
        Ok(Eras(eras))
    }
}

impl<S> Era<S> {
    pub(super) fn advance(&mut self, time: Timestamp) {
        self.latest = self.latest.max(time);
        self.first = self.first.min(time);
    }

    fn distance(&self, time: Timestamp, back: Duration) -> Option<Duration> {
        let (ahead, behind) =
            (time.saturating_since(self.latest), self.latest.saturating_since(time));
        (ahead <= AHEAD && behind <= back).then_some(ahead.max(behind))
    }
}

/// Tells, of times from the last one back, which lie so far before the end of their era that nothing
/// will reach them any more.
#[derive(Debug)]
pub(super) struct Tide {
    reach: Duration,
    gap: Duration,
    end: Timestamp,
    next: Option<Timestamp>,
}

impl Tide {
    /// Lines may come a window late, and the window that they belong to begins as much before them.
    pub(super) fn new(window: Duration) -> Self {
        let reach = window.saturating_mul(2);
        let (gap, end) = (reach.max(DISORDER), Timestamp::UNIX_EPOCH);
        Tide { reach, gap, end, next: None }
    }

    /// Whether what spans this time, before all that was asked about, is still within reach.
    pub(super) fn reaches(&mut self, first: Timestamp, last: Timestamp) -> bool {
        if self.next.is_none_or(|next| next.saturating_since(last) > self.gap) {
            self.end = last;
        }
        self.next = Some(first);
        self.end.saturating_since(first) <= self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn large_steps_are_other_eras() {
        let mut eras: Eras<u32> = Eras::default();
        let mut check = |seconds: i64, expect: u32| {
            let era = eras.enter(at(seconds), DISORDER);
            era.advance(at(seconds));
            era.state += 1;
            assert_eq!(era.state, expect, "at {seconds}");
        };
        check(0, 1);
        check(10, 2);
        check(-3000, 3);
        check(10 - 3601, 1);
        check(400 * DAY, 1);
        check(11, 4);
        check(401 * DAY, 2);
        check(12, 5);
        check(31 * DAY + 12, 6);
        check(800 * DAY, 1);
        check(1200 * DAY, 1);
        check(10 - 3600, 1);
    }

    #[test]
    fn the_present_goes_on_where_the_latest_era_ended() {
        let mut eras: Eras<u32> = Eras::default();
        eras.enter(at(400 * DAY), DISORDER).state = 2;
        eras.enter(at(0), DISORDER).state = 1;
        let mut check = |now: i64, expect: Option<u32>| {
            assert_eq!(eras.present(at(now)).map(|era| era.state), expect, "at {now}");
        };
        check(-1, None);
        check(31 * DAY, Some(1));
        check(32 * DAY, None);
        check(400 * DAY, Some(2));
        check(431 * DAY, Some(2));
        check(432 * DAY, None);
        assert_eq!(eras.furthest().map(|era| era.state), Some(2));
    }
}
