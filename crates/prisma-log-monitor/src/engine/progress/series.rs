//! Matches by time, and what they add up to within a sliding window.

mod values;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::eras::Tide;
use super::sum::Tally;
use crate::codec::{Reader, Writer};
pub(super) use values::Values;

/// Entries that are kept before the first look at what may go.
const FEW: usize = 64;
/// Entries that are kept, whatever the window.
const MAX_ENTRIES: usize = 1280;
/// Matches in a window up to which each has its own time.
pub(super) const EXACT: u64 = 512;

/// Matches of a sliding window, and of others if eras come mixed.
///
/// While a window has few matches, each has its own entry; in one with more than [`EXACT`], those
/// within a small part of the window share one, so that memory is bounded and the window's start is
/// known to that part only.
#[derive(Debug, Default)]
pub(in crate::engine) struct Series {
    /// In order of time; their spans do not overlap.
    entries: VecDeque<Entry>,
    /// What the window that ends with the last entry has, and where in `entries` it begins.
    tally: Tally,
    start: usize,
    /// Entries at which the next look at what may go is due.
    limit: usize,
    /// What the entries' values take beyond the entries.
    apart: usize,
    pub(super) forgotten: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    first: Timestamp,
    last: Timestamp,
    tally: Tally,
    values: Values,
}

/// Which windows a series has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) window: Duration,
    /// Into how many parts a window with many matches falls.
    pub(super) parts: u32,
}

/// The matches of a window that are used up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Taken {
    pub(super) tally: Tally,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) values: Vec<Values>,
}

impl Series {
    /// Adds a match. When a window that includes it and ends with a match satisfies `fires`, takes
    /// the matches of that window out; of several windows the earliest.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        tally: Tally,
        values: Values,
        shape: Shape,
        fires: impl Fn(&Tally) -> bool,
    ) -> Option<Taken> {
        let at = self.insert(time, tally, values, shape);
        let window = self.window_with(at, shape.window, fires);
        if let Some(window) = window {
            return self.take(window, shape.window);
        }
        if self.entries.len() >= self.limit.max(FEW) {
            self.make_room(time, shape);
        }
        None
    }

    /// Puts the match in its place, which it may share; returns where that is.
    fn insert(&mut self, time: Timestamp, tally: Tally, values: Values, shape: Shape) -> usize {
        let is_latest = self.entries.back().is_none_or(|last| last.last <= time);
        let at = if is_latest {
            self.entries.len()
        } else {
            self.entries.partition_point(|entry| entry.first <= time)
        };
        let shares = |before: &Entry| {
            let is_within = before.first < before.last && time <= before.last;
            let is_crowded =
                self.tally.count >= EXACT && part(before.first, shape) == part(time, shape);
            is_within || is_crowded
        };
        let shared = at.checked_sub(1).filter(|&at| self.entries.get(at).is_some_and(shares));
        let at = match shared.and_then(|at| Some((at, self.entries.get_mut(at)?))) {
            Some((at, entry)) => {
                entry.last = entry.last.max(time);
                entry.tally += tally;
                let before = entry.values.bytes();
                entry.values.merge(values);
                self.apart = (self.apart + entry.values.bytes()).saturating_sub(before);
                at
            }
            None => {
                self.entries.insert(at, Entry { first: time, last: time, tally, values });
                if at < self.start {
                    self.start += 1;
                }
                at
            }
        };
        if at >= self.start {
            self.tally += tally;
        }
        let first = |at: usize| self.entries.get(at).map(|entry| (entry.first, entry.tally));
        let lower = self.last().saturating_sub(shape.window);
        while let Some((_, gone)) = first(self.start).filter(|&(first, _)| first < lower) {
            self.tally -= gone;
            self.start += 1;
        }
        at
    }

    /// The earliest window that includes the entry `at` and satisfies `fires`.
    fn window_with(
        &self,
        at: usize,
        window: Duration,
        fires: impl Fn(&Tally) -> bool,
    ) -> Option<Range<usize>> {
        if at + 1 == self.entries.len() {
            return fires(&self.tally).then_some(self.start..at + 1);
        }
        let (first, mut end) = (self.entries.get(at)?.first, at);
        let lower = self.entries.get(at)?.last.saturating_sub(window);
        let mut start = self.entries.partition_point(|entry| entry.first < lower);
        let mut tally = Tally::default();
        self.entries.range(start..=at).for_each(|entry| tally += entry.tally);
        loop {
            if fires(&tally) {
                return Some(start..end + 1);
            }
            end += 1;
            let next = self.entries.get(end)?;
            let lower = next.last.saturating_sub(window);
            if first < lower {
                return None;
            }
            tally += next.tally;
            while let Some(gone) = self.entries.get(start).filter(|entry| entry.first < lower) {
                tally -= gone.tally;
                start += 1;
            }
        }
    }

    fn take(&mut self, range: Range<usize>, window: Duration) -> Option<Taken> {
        let taken: Vec<Entry> = self.entries.drain(range).collect();
        self.apart -= taken.iter().map(|entry| entry.values.bytes()).sum::<usize>();
        self.reckon(window);
        let mut tally = Tally::default();
        taken.iter().for_each(|entry| tally += entry.tally);
        let (first, last) = (taken.first()?.first, taken.last()?.last);
        Some(Taken { tally, first, last, values: taken.into_iter().map(|e| e.values).collect() })
    }

    /// Reckons anew what the last window has.
    fn reckon(&mut self, window: Duration) {
        let lower = self.last().saturating_sub(window);
        self.start = self.entries.partition_point(|entry| entry.first < lower);
        self.tally = Tally::default();
        for entry in self.entries.range(self.start..) {
            self.tally += entry.tally;
        }
    }

    /// Forgets what is out of reach; if that is not enough, puts neighbours together, and forgets what
    /// is farthest from `time`.
    fn make_room(&mut self, time: Timestamp, shape: Shape) {
        self.drop_passed(shape.window);
        let enough = MAX_ENTRIES * 3 / 4;
        if self.entries.len() > enough && self.limit >= MAX_ENTRIES {
            self.put_together(shape);
        }
        let reach = shape.window.saturating_mul(2);
        while self.entries.len() > MAX_ENTRIES {
            let ahead = self.entries.back().map(|last| last.last.saturating_since(time));
            let behind = self.entries.front().map(|first| time.saturating_since(first.first));
            let gone =
                if behind >= ahead { self.entries.pop_front() } else { self.entries.pop_back() };
            if ahead.max(behind).is_some_and(|distance| distance <= reach) {
                self.forgotten += gone.map_or(0, |entry| entry.tally.count);
            }
        }
        self.reckon(shape.window);
        self.apart = self.entries.iter().map(|entry| entry.values.bytes()).sum();
        self.limit = (2 * self.entries.len()).clamp(FEW, MAX_ENTRIES);
    }

    /// Drops what no window will have any more.
    fn drop_passed(&mut self, window: Duration) {
        let mut tide = Tide::new(window);
        let mut kept = VecDeque::with_capacity(self.entries.len());
        while let Some(entry) = self.entries.pop_back() {
            if tide.reaches(entry.first, entry.last) {
                kept.push_front(entry);
            }
        }
        self.entries = kept;
    }

    fn put_together(&mut self, shape: Shape) {
        let mut merged: VecDeque<Entry> = VecDeque::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            match merged.back_mut() {
                Some(last) if part(last.first, shape) == part(entry.last, shape) => {
                    last.last = entry.last;
                    last.tally += entry.tally;
                    last.values.merge(entry.values);
                }
                _ => merged.push_back(entry),
            }
        }
        self.entries = merged;
    }

    /// Time of the last entry.
    pub(super) fn last(&self) -> Timestamp {
        self.entries.back().map_or(Timestamp::UNIX_EPOCH, |last| last.last)
    }

    /// Matches of the last window.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.tally.count).unwrap_or(usize::MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.apart
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let mut before = 0i64;
        out.list(self.entries.iter(), |out, entry| {
            let (first, last) = (entry.first.unix_nanos(), entry.last.unix_nanos());
            out.i64(first.wrapping_sub(before));
            out.i64(last.wrapping_sub(first));
            before = last;
            entry.tally.write(out);
            entry.values.write(out);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>, window: Duration) -> Result<Self, Error> {
        let mut before = 0i64;
        let entries = from.list(|from| {
            let first = before.wrapping_add(from.i64()?);
            let last = first.wrapping_add(from.i64()?);
            before = last;
            let (tally, values) = (Tally::read(from)?, Values::read(from)?);
            let time = Timestamp::from_unix_nanos;
            Ok(Entry { first: time(first), last: time(last), tally, values })
        })?;
        let is_sorted = entries.is_sorted_by(|a, b| a.last <= b.first);
        if !is_sorted || entries.iter().any(|entry| entry.first > entry.last) {
            return Err(from.bad("its matches are out of order"));
        }
        let mut series = Series { entries: entries.into(), ..Series::default() };
        series.reckon(window);
        series.apart = series.entries.iter().map(|entry| entry.values.bytes()).sum();
        Ok(series)
    }
}

/// Series are equal when they have the same matches.
impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// The part of a window that a time lies in, counted from 1970 on.
fn part(time: Timestamp, shape: Shape) -> i64 {
    let length = (shape.window / shape.parts.max(1)).as_nanos();
    time.unix_nanos().div_euclid(i64::try_from(length).unwrap_or(i64::MAX).max(1))
}
