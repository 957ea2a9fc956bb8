//! Windows that follow one another.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use super::eras::{Eras, reach_back};
use super::sum::Tally;
use crate::codec::{Reader, Writer};

/// Windows of an era that are open at once; of more, the earliest are forgotten.
const MAX_OPEN: usize = 64;

/// The windows that lines still count in.
#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Tumbling {
    eras: Eras<VecDeque<Open>>,
    /// Matches that came too late, or whose window was forgotten.
    pub(super) forgotten: u64,
}

#[derive(Debug, PartialEq)]
struct Open {
    index: i64,
    first: Timestamp,
    last: Timestamp,
    tally: Tally,
    /// Hashes of the distinct values.
    values: BTreeSet<u64>,
}

/// What a match adds to its window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Share {
    Match,
    Value(u64),
    Number(f64),
}

/// The windows that a rule has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) window: Duration,
    /// How long after its end a window still takes lines.
    pub(super) late: Duration,
}

impl Frame {
    /// The window that a time lies in, counted from 1970 on.
    pub(super) fn index(self, time: Timestamp) -> i64 {
        time.unix_nanos().div_euclid(self.nanos())
    }

    pub(super) fn start(self, index: i64) -> Timestamp {
        Timestamp::from_unix_nanos(index.saturating_mul(self.nanos()))
    }

    /// When a window takes no more lines.
    pub(super) fn closes(self, index: i64) -> Timestamp {
        self.start(index.saturating_add(1)).saturating_add(self.late)
    }

    /// The last window that is closed by `now`.
    pub(super) fn last_closed(self, now: Timestamp) -> i64 {
        self.index(now.saturating_sub(self.late)) - 1
    }

    fn nanos(self) -> i64 {
        i64::try_from(self.window.as_nanos()).unwrap_or(i64::MAX).max(1)
    }
}

impl Tumbling {
    /// Adds a match; when its window reaches `at_least` with it, takes out what the window has.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        share: Share,
        at_least: f64,
        frame: Frame,
    ) -> Option<(Tally, Reached)> {
        let era = self.eras.enter(time, reach_back(frame.window, frame.late));
        era.advance(time);
        let (closed, windows) = (frame.last_closed(era.latest), &mut era.state);
        while windows.front().is_some_and(|open| open.index <= closed) {
            windows.pop_front();
        }
        let index = frame.index(time);
        if index <= closed {
            self.forgotten += 1;
            return None;
        }
        let at = windows.partition_point(|open| open.index < index);
        if windows.get(at).is_none_or(|open| open.index != index) {
            let (tally, values) = (Tally::default(), BTreeSet::new());
            windows.insert(at, Open { index, first: time, last: time, tally, values });
        }
        let open = windows.get_mut(at)?;
        open.first = open.first.min(time);
        open.last = open.last.max(time);
        let count = match share {
            Share::Match => {
                open.tally += Tally::one(0.0);
                open.tally.count
            }
            Share::Number(number) => {
                open.tally += Tally::one(number);
                0
            }
            Share::Value(value) => {
                open.values.insert(value);
                open.tally.count = open.values.len() as u64;
                open.tally.count
            }
        };
        let is_reached = match share {
            Share::Number(_) => open.tally.reaches(at_least),
            _ => count as f64 >= at_least,
        };
        if is_reached {
            let Open { first, last, tally, .. } = windows.remove(at)?;
            return Some((tally, Reached::new(tally.count, first, last)));
        }
        if windows.len() > MAX_OPEN {
            self.forgotten += windows.pop_front().map_or(0, |open| open.tally.count);
        }
        None
    }

    /// Events that are on their way to the threshold.
    pub(super) fn len(&self) -> usize {
        let counts = self.eras.iter().flat_map(|era| &era.state).map(|open| open.tally.count);
        usize::try_from(counts.max().unwrap_or(0)).unwrap_or(usize::MAX)
    }

    /// When the last window closes.
    pub(super) fn until(&self, frame: Frame) -> Option<Timestamp> {
        let windows = self.eras.iter().flat_map(|era| &era.state);
        windows.map(|open| frame.closes(open.index)).max()
    }

    pub(super) fn bytes(&self) -> usize {
        let windows = self.eras.iter().flat_map(|era| &era.state);
        windows.map(|open| size_of::<Open>() + 16 * open.values.len()).sum()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.eras.write(out, |out, windows| {
            out.list(windows.iter(), |out, open| {
                out.i64(open.index);
                out.time(open.first);
                out.time(open.last);
                open.tally.write(out);
                out.list(open.values.iter(), |out, &value| out.fixed(value));
            });
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let eras = Eras::read(from, |from| {
            let windows = from.list(|from| {
                Ok(Open {
                    index: from.i64()?,
                    first: from.time()?,
                    last: from.time()?,
                    tally: Tally::read(from)?,
                    values: from.list(Reader::fixed)?.into_iter().collect(),
                })
            })?;
            if !windows.is_sorted_by(|a, b| a.index < b.index) {
                return Err(from.bad("its windows are out of order"));
            }
            Ok(windows.into())
        })?;
        Ok(Tumbling { eras, forgotten: 0 })
    }
}

#[cfg(test)]
mod tests;
