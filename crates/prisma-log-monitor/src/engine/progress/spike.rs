//! Windows that have many more or many fewer matches than usual.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use super::eras::{Era, Eras, reach_back};
use super::rate::number;
use super::tumbling::Frame;
use crate::codec::{Reader, Writer};
use crate::{Baseline, Direction};

/// Windows of an era that are open at once; of more, the earliest are forgotten.
const MAX_OPEN: usize = 64;
/// Windows that are looked at when time jumps ahead.
const MAX_CLOSED_AT_ONCE: i64 = 1000;
const HOUR: Duration = Duration::from_secs(3_600);
const HOURS_A_DAY: i64 = 24;
/// So often an era in which nothing happens is told that time goes on.
const SIGN_OF_LIFE: Duration = Duration::from_secs(86_400);

/// What a rule calls a spike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub(super) factor: f64,
    pub(super) direction: Direction,
    pub(super) baseline: Baseline,
    pub(super) min_count: u64,
    pub(super) frame: Frame,
}

#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Spike {
    eras: Eras<Counts>,
    /// Matches that came too late, or whose window was forgotten.
    pub(super) forgotten: u64,
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    /// The windows that still take matches, and the one before them.
    open: VecDeque<Open>,
    /// The last window that was looked at after its end.
    closed: Option<i64>,
    /// Matches by hour since 1970, if earlier days are the baseline.
    hours: BTreeMap<i64, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Open {
    index: i64,
    count: u64,
    first: Timestamp,
    last: Timestamp,
    /// Whether the window has fired.
    has_fired: bool,
}

impl Spike {
    /// Notes from when on matches would have been seen.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.eras.enter(now, Duration::ZERO);
    }

    /// Adds a match; fires when its window is a spike with it, or one that ended before it is.
    pub(super) fn push(&mut self, time: Timestamp, usual: Usual) -> Option<Reached> {
        let frame = usual.frame;
        let era = self.eras.enter(time, reach_back(frame.window, frame.late));
        let passed = close(era, era.latest.max(time), usual);
        let index = frame.index(time);
        if index <= frame.last_closed(era.latest) {
            self.forgotten += 1;
            return passed;
        }
        era.advance(time);
        let counts = &mut era.state;
        if let Baseline::SameHour { days } = usual.baseline {
            *counts.hours.entry(hour(time)).or_default() += 1;
            if counts.hours.len() > usize::from(days) * HOURS_A_DAY as usize + 2 {
                counts.hours.pop_first();
            }
        }
        let at = counts.open.partition_point(|open| open.index < index);
        if counts.open.get(at).is_none_or(|open| open.index != index) {
            let open = Open { index, count: 0, first: time, last: time, has_fired: false };
            counts.open.insert(at, open);
        }
        let open = counts.open.get_mut(at)?;
        open.count += 1;
        open.first = open.first.min(time);
        open.last = open.last.max(time);
        let now = *open;
        if counts.open.len() > MAX_OPEN {
            self.forgotten += counts.open.pop_front().map_or(0, |open| open.count);
        }
        // What ended earlier is told first; the next match finds the spike again.
        if passed.is_some() || now.has_fired || usual.direction == Direction::Down {
            return passed;
        }
        let expected = usual.baseline_of(era, index)?;
        if now.count < usual.min_count || (now.count as f64) < usual.factor * expected {
            return None;
        }
        era.state.open.iter_mut().filter(|open| open.index == index).for_each(|open| {
            open.has_fired = true;
        });
        Some(Reached::new(now.count, now.first, now.last).because(usual.why(now.count, expected)))
    }

    /// Looks at the windows that ended by `now`.
    pub(super) fn tick(&mut self, now: Timestamp, usual: Usual) -> Option<Reached> {
        let era = self.eras.present(now)?;
        let reached = close(era, now, usual);
        // The era goes on, but no line is late because of that.
        let alive = now.saturating_sub(reach_back(usual.frame.window, usual.frame.late));
        era.latest = era.latest.max(alive);
        reached
    }

    /// When time alone may change something next.
    pub(super) fn due(&self, usual: Usual) -> Option<Timestamp> {
        let era = self.eras.furthest()?;
        let alive = era.latest.saturating_add(SIGN_OF_LIFE);
        let is_comparable = match usual.baseline {
            Baseline::Previous => !era.state.open.is_empty(),
            Baseline::SameHour { .. } => !era.state.hours.is_empty(),
        };
        if usual.direction == Direction::Up || !is_comparable {
            return Some(alive);
        }
        let closed = era.state.closed.unwrap_or_else(|| first_whole(era, usual.frame));
        Some(usual.frame.closes(closed.saturating_add(1)))
    }

    /// Until when it knows something that a firing may depend on.
    pub(super) fn until(&self, usual: Usual) -> Option<Timestamp> {
        let era = self.eras.furthest()?;
        let memory = match usual.baseline {
            Baseline::Previous => usual.frame.window.saturating_mul(2),
            Baseline::SameHour { days } => SIGN_OF_LIFE * (u32::from(days) + 1),
        };
        Some(era.latest.saturating_add(memory).saturating_add(usual.frame.late))
    }

    pub(super) fn len(&self) -> usize {
        let counts = self.eras.iter().flat_map(|era| &era.state.open).map(|open| open.count);
        usize::try_from(counts.max().unwrap_or(0)).unwrap_or(usize::MAX)
    }

    pub(super) fn bytes(&self) -> usize {
        let of = |counts: &Counts| {
            size_of::<Era<Counts>>()
                + counts.open.len() * size_of::<Open>()
                + counts.hours.len() * size_of::<(i64, u64)>() * 3 / 2
        };
        self.eras.iter().map(|era| of(&era.state)).sum()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.eras.write(out, |out, counts| {
            out.list(counts.open.iter(), |out, open| {
                out.i64(open.index);
                out.u64(open.count);
                out.time(open.first);
                out.time(open.last);
                out.u64(u64::from(open.has_fired));
            });
            out.option(counts.closed, Writer::i64);
            out.list(counts.hours.iter(), |out, (&hour, &count)| {
                out.i64(hour);
                out.u64(count);
            });
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let eras = Eras::read(from, |from| {
            let open = from.list(|from| {
                Ok(Open {
                    index: from.i64()?,
                    count: from.u64()?,
                    first: from.time()?,
                    last: from.time()?,
                    has_fired: from.choice(&[false, true])?,
                })
            })?;
            if !open.is_sorted_by(|a, b| a.index < b.index) {
                return Err(from.bad("its windows are out of order"));
            }
            let closed = from.option(Reader::i64)?;
            let hours = from.list(|from| Ok((from.i64()?, from.u64()?)))?.into_iter().collect();
            Ok(Counts { open: open.into(), closed, hours })
        })?;
        Ok(Spike { eras, forgotten: 0 })
    }
}

/// Looks at the windows that are closed by `now`; the last of those that had too few matches fires.
fn close(era: &mut Era<Counts>, now: Timestamp, usual: Usual) -> Option<Reached> {
    let frame = usual.frame;
    let last = frame.last_closed(now);
    let closed = era.state.closed.unwrap_or_else(|| first_whole(era, frame));
    if last <= closed {
        return None;
    }
    let mut reached = None;
    if usual.direction != Direction::Up {
        let windows = closed.max(last.saturating_sub(MAX_CLOSED_AT_ONCE)) + 1..=last;
        let too_few = |&index: &i64| {
            let (count, expected) = (era.state.count(index), usual.baseline_of(era, index)?);
            let is_drop =
                expected >= usual.min_count as f64 && count as f64 * usual.factor <= expected;
            is_drop.then_some((index, count, expected))
        };
        // Against the window before, only what follows a window with matches can have fewer.
        let found = match usual.baseline {
            Baseline::Previous => {
                let after = era.state.open.iter().rev().map(|open| open.index + 1);
                after.filter(|index| windows.contains(index)).find_map(|index| too_few(&index))
            }
            Baseline::SameHour { .. } => windows.rev().find_map(|index| too_few(&index)),
        };
        reached = found.map(|(index, count, expected)| {
            let end = Timestamp::from_unix_nanos(frame.start(index + 1).unix_nanos() - 1);
            Reached::new(count, frame.start(index), end).because(usual.why(count, expected))
        });
    }
    era.state.closed = Some(last);
    while era.state.open.front().is_some_and(|open| open.index < last) {
        era.state.open.pop_front();
    }
    reached
}

/// The first window that lies in the era as a whole.
fn first_whole(era: &Era<Counts>, frame: Frame) -> i64 {
    let index = frame.index(era.first);
    if frame.start(index) == era.first { index } else { index + 1 }
}

impl Counts {
    fn count(&self, index: i64) -> u64 {
        self.open.iter().find(|open| open.index == index).map_or(0, |open| open.count)
    }
}

impl Usual {
    /// How many matches a window is expected to have; `None` when nothing is known yet.
    fn baseline_of(&self, era: &Era<Counts>, index: i64) -> Option<f64> {
        match self.baseline {
            Baseline::Previous => {
                let before = index - 1;
                (before >= first_whole(era, self.frame)).then(|| era.state.count(before) as f64)
            }
            Baseline::SameHour { days } => {
                let now = hour(self.frame.start(index));
                let hours = Frame { window: HOUR, late: Duration::ZERO };
                let first = first_whole(era, hours);
                let known = (1..=i64::from(days)).map(|day| now - day * HOURS_A_DAY);
                let known = known.filter(|&hour| hour >= first);
                let counts = known.map(|hour| era.state.hours.get(&hour).copied().unwrap_or(0));
                let (days, sum) = counts.fold((0u32, 0u64), |(days, sum), n| (days + 1, sum + n));
                let share = self.frame.window.as_secs_f64() / HOUR.as_secs_f64();
                (days > 0).then(|| sum as f64 * share / f64::from(days))
            }
        }
    }

    fn why(&self, count: u64, expected: f64) -> String {
        let expected = number(expected);
        match self.baseline {
            Baseline::Previous => format!("{count} matches, {expected} in the window before"),
            Baseline::SameHour { .. } => {
                format!("{count} matches, {expected} at this hour of earlier days")
            }
        }
    }
}

fn hour(time: Timestamp) -> i64 {
    time.unix_nanos().div_euclid(HOUR.as_nanos() as i64)
}

#[cfg(test)]
mod tests;
