//! Matches that stay away.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use super::eras::{Era, Eras, reach_back};
use crate::codec::{Reader, Writer};

/// Matches up to which each has its own entry; of more, those within a 512th of the window share one.
const EXACT: usize = 512;
const PARTS: u32 = 512;

/// How many matches are expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) at_least: u64,
    pub(super) window: Duration,
}

#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Flatline {
    eras: Eras<Silence>,
}

#[derive(Debug, Default, PartialEq)]
struct Silence {
    /// The last firing.
    told: Option<Timestamp>,
    /// The last matches, as many as are expected, and how many share an entry.
    matches: VecDeque<(Timestamp, u64)>,
    count: u64,
}

impl Flatline {
    /// Starts to wait for matches.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.eras.enter(now, Duration::ZERO);
    }

    /// Adds a match; fires when too few came before it.
    pub(super) fn push(&mut self, time: Timestamp, expected: Expected) -> Option<Reached> {
        let era = self.eras.enter(time, reach_back(expected.window, Duration::ZERO));
        let reached = pass(era, time, true, expected);
        era.advance(time);
        era.state.add(time, expected);
        reached
    }

    /// Fires when too few matches came by `now`.
    pub(super) fn tick(&mut self, now: Timestamp, expected: Expected) -> Option<Reached> {
        pass(self.eras.present(now)?, now, false, expected)
    }

    /// When time alone may make it fire next.
    pub(super) fn due(&self, expected: Expected) -> Option<Timestamp> {
        self.eras.furthest().map(|era| due(era, expected).0)
    }

    pub(super) fn len(&self) -> usize {
        self.eras.iter().map(|era| era.state.matches.len()).max().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> usize {
        let entries = self.eras.iter().map(|era| era.state.matches.len());
        entries.map(|entries| size_of::<Era<Silence>>() + 16 * entries).sum()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.eras.write(out, |out, silence| {
            out.option(silence.told, Writer::time);
            out.list(silence.matches.iter(), |out, &(time, count)| {
                out.time(time);
                out.u64(count);
            });
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let eras = Eras::read(from, |from| {
            let told = from.option(Reader::time)?;
            let matches = from.list(|from| Ok((from.time()?, from.u64()?)))?;
            if !matches.is_sorted_by_key(|&(time, _)| time) {
                return Err(from.bad("its matches are out of order"));
            }
            let count = matches.iter().fold(0u64, |sum, &(_, count)| sum.saturating_add(count));
            Ok(Silence { told, matches: matches.into(), count })
        })?;
        Ok(Flatline { eras })
    }
}

/// When an era has been flat for a window, and whether that is so at this very time: a match
/// exactly a window ago still counts.
fn due(era: &Era<Silence>, expected: Expected) -> (Timestamp, bool) {
    let since = era.state.told.unwrap_or(era.first);
    let oldest = era.state.matches.front().filter(|_| era.state.count >= expected.at_least);
    match oldest {
        Some(&(oldest, _)) if oldest >= since => (oldest.saturating_add(expected.window), false),
        _ => (since.saturating_add(expected.window), true),
    }
}

/// Lets time pass; with `arriving`, a match comes at `now`.
fn pass(
    era: &mut Era<Silence>,
    now: Timestamp,
    arriving: bool,
    expected: Expected,
) -> Option<Reached> {
    let window = expected.window;
    let (due, is_flat_then) = due(era, expected);
    if now < due || (now == due && (arriving || !is_flat_then)) {
        return None;
    }
    // Several windows may have passed unseen; they are told as one.
    let passed = now.saturating_since(due).as_nanos() / window.as_nanos().max(1);
    let passed = window.as_nanos().saturating_mul(passed);
    let passed = Duration::from_nanos(u64::try_from(passed).unwrap_or(u64::MAX));
    let told = due.saturating_add(passed);
    let from = told.saturating_sub(window);
    let within = era.state.matches.iter().filter(|&&(time, _)| time >= from && time <= told);
    let count: u64 = within.map(|&(_, count)| count).sum();
    let why = if expected.at_least == 1 {
        let silent = told.saturating_since(era.state.last().unwrap_or(era.first));
        format!("no match for {silent:?}")
    } else {
        format!("{count} of {} matches within {window:?}", expected.at_least)
    };
    era.state.told = Some(told);
    era.latest = era.latest.max(told);
    Some(Reached::new(count, from, told).because(why))
}

impl Silence {
    fn add(&mut self, time: Timestamp, expected: Expected) {
        let at = self.matches.partition_point(|&(before, _)| before <= time);
        let share = expected.window / PARTS;
        let before = at.checked_sub(1).and_then(|at| self.matches.get_mut(at));
        match before.filter(|(before, _)| time.saturating_since(*before) <= share) {
            Some((before, count)) if self.count >= EXACT as u64 => {
                *before = time;
                *count += 1;
            }
            _ => self.matches.insert(at, (time, 1)),
        }
        self.count += 1;
        // What lies a window back fired long since, if it left too few.
        let lower = self.last().map(|last| last.saturating_sub(expected.window));
        while let Some(&(first, count)) = self.matches.front() {
            let is_spare = self.count - count >= expected.at_least;
            if !is_spare && (Some(first) >= lower || self.matches.len() == 1) {
                break;
            }
            self.count -= count;
            self.matches.pop_front();
        }
    }

    fn last(&self) -> Option<Timestamp> {
        self.matches.back().map(|&(time, _)| time)
    }
}

#[cfg(test)]
mod tests;
