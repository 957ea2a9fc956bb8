//! Steps that follow one another.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use super::eras::Tide;
use crate::codec::{Reader, Writer};

/// Lines that are kept for each step, and for all of them together.
const MAX_KEPT_PER_STEP: usize = 32;
const MAX_KEPT: usize = 256;

/// Lines that may be part of a sequence, by time; those of one time in the order in which they came.
///
/// They never hold a whole sequence: it would have fired.
#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Sequence {
    lines: VecDeque<Line>,
    /// Lines within reach that were forgotten.
    pub(super) forgotten: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    time: Timestamp,
    /// Bit `i` is set when the line may be step `i`; the rule's own match is step 0.
    steps: u32,
}

impl Line {
    fn is(&self, step: u32) -> bool {
        self.steps >> step & 1 != 0
    }
}

impl Sequence {
    /// Adds a line; when it completes a sequence of steps 0 to `last`, takes its lines out.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        steps: u32,
        last: u32,
        within: Duration,
    ) -> Option<Reached> {
        let at = self.lines.partition_point(|line| line.time <= time);
        self.lines.insert(at, Line { time, steps });
        let end = time.saturating_add(within);
        let later = self.lines.range(at..).take_while(|line| line.time <= end);
        let ends = later.enumerate().filter(|(_, line)| line.is(last)).map(|(after, _)| at + after);
        if let Some(chain) = ends.filter_map(|end| self.chain(end, last, within)).next() {
            let times = chain.iter().filter_map(|&at| self.lines.get(at)).map(|line| line.time);
            let (first, last) = (times.clone().min()?, times.max()?);
            for &at in &chain {
                self.lines.remove(at);
            }
            let why = format!("{} steps within {:?}", chain.len(), last.saturating_since(first));
            return Some(Reached::new(chain.len() as u64, first, last).because(why));
        }
        let most = (MAX_KEPT_PER_STEP * (last as usize + 1)).min(MAX_KEPT);
        if self.lines.len() > most {
            self.make_room(time, last, within);
        }
        None
    }

    /// The places of a sequence that ends at `end`, last step first; of several the one that began
    /// last.
    fn chain(&self, end: usize, last: u32, within: Duration) -> Option<Vec<usize>> {
        let earliest = self.lines.get(end)?.time.saturating_sub(within);
        let (mut at, mut step) = (end, last);
        // Nothing is kept of what leads nowhere, which is nearly everything.
        while step > 0 {
            step -= 1;
            at = self.before(at, step, earliest)?;
        }
        let mut chain = vec![end];
        for step in (0..last).rev() {
            chain.push(self.before(*chain.last()?, step, earliest)?);
        }
        Some(chain)
    }

    /// The place of the last line before `at` that may be this step.
    fn before(&self, at: usize, step: u32, earliest: Timestamp) -> Option<usize> {
        let lines = self.lines.range(..at).rev().take_while(|line| line.time >= earliest);
        let steps = lines.enumerate().find(|(_, line)| line.is(step));
        steps.map(|(before, _)| at - 1 - before)
    }

    /// Drops lines that no sequence will have any more; if that is not enough, forgets the earliest
    /// within reach of those for the step that has most, so that many lines for one step leave those
    /// for the others alone.
    fn make_room(&mut self, time: Timestamp, last: u32, within: Duration) {
        let mut tide = Tide::new(within);
        let lines = self.lines.iter().rev();
        let lines = lines.filter(|line| tide.reaches(line.time, line.time)).copied();
        let mut lines: Vec<Line> = lines.collect();
        lines.reverse();
        let most = MAX_KEPT_PER_STEP * (last as usize + 1);
        if lines.len() > most.min(MAX_KEPT) {
            let reach = time.saturating_sub(within)..=time.saturating_add(within);
            let of = |step: u32| {
                let near = lines.iter().enumerate();
                near.filter(move |(_, line)| line.is(step))
                    .filter(|(_, line)| reach.contains(&line.time))
            };
            let fullest = (0..=last).max_by_key(|&step| of(step).count()).unwrap_or(0);
            let gone = of(fullest).map(|(at, _)| at).next();
            lines.remove(gone.unwrap_or(0));
            self.forgotten += 1;
        }
        self.lines = lines.into();
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Time of the last line.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.lines.back().map(|line| line.time)
    }

    pub(super) fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.lines.iter(), |out, line| {
            out.time(line.time);
            out.u64(u64::from(line.steps));
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let lines = from.list(|from| {
            let (time, steps) = (from.time()?, from.u64()?);
            let steps = u32::try_from(steps).map_err(|_| from.bad("a line has too many steps"))?;
            Ok(Line { time, steps })
        })?;
        if !lines.is_sorted_by_key(|line| line.time) {
            return Err(from.bad("its lines are out of order"));
        }
        Ok(Sequence { lines: lines.into(), forgotten: 0 })
    }
}

#[cfg(test)]
mod tests;
