//! A field's values as they follow one another.

use std::collections::VecDeque;
use std::time::Duration;

use prisma_log_core::{Error, Timestamp};

use super::Reached;
use super::shown;
use crate::codec::{Reader, Writer, fnv1a};
use crate::engine::DISORDER;

/// Stretches that are kept; of more, the earliest is forgotten that another one follows within a day.
const MAX_RUNS: usize = 16;
const DAY: Duration = Duration::from_secs(86_400);

/// Stretches of time in each of which the value was one and the same, in order.
#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Change {
    runs: VecDeque<Run>,
}

#[derive(Debug, PartialEq)]
struct Run {
    first: Timestamp,
    last: Timestamp,
    /// Hash of the value.
    value: u64,
    /// The value as it is shown.
    text: String,
}

impl Change {
    /// Takes a value in; fires when it differs from the one before it in time.
    pub(super) fn push(&mut self, time: Timestamp, text: &str, field: &str) -> Option<Reached> {
        let value = fnv1a(text.as_bytes());
        let at = self.runs.partition_point(|run| run.first <= time);
        let before = at.checked_sub(1).and_then(|at| self.runs.get_mut(at));
        if let Some(before) = before {
            if before.value == value {
                before.last = before.last.max(time);
                return None;
            }
            if time < before.last {
                // It lies within a stretch of another value, which it parts; where the stretch goes on
                // is known only of its end.
                let rest = Run { first: before.last, text: before.text.clone(), ..*before };
                before.last = time;
                self.runs.insert(at, rest);
            }
        }
        let soon = time.saturating_add(DISORDER);
        let after = self.runs.get_mut(at).filter(|run| run.value == value && run.first <= soon);
        if let Some(after) = after {
            // The change was told when a later line of it came.
            after.first = time;
            return None;
        }
        let known = at.checked_sub(1).and_then(|at| self.runs.get(at));
        let why =
            known.map(|known| format!("`{field}` went from {} to {}", known.text, shown(text)));
        self.runs.insert(at, Run { first: time, last: time, value, text: shown(text) });
        while self.runs.len() > MAX_RUNS {
            let followed = |at: &usize| match (self.runs.get(*at), self.runs.get(at + 1)) {
                (Some(run), Some(next)) => next.first.saturating_since(run.last) <= DAY,
                _ => false,
            };
            let gone = (0..self.runs.len()).find(followed).unwrap_or(0);
            self.runs.remove(gone);
        }
        why.map(|why| Reached::new(1, time, time).because(why))
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.runs.iter().map(|run| size_of::<Run>() + run.text.len()).sum()
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.list(self.runs.iter(), |out, run| {
            out.time(run.first);
            out.time(run.last);
            out.fixed(run.value);
            out.text(&run.text);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let runs = from.list(|from| {
            Ok(Run {
                first: from.time()?,
                last: from.time()?,
                value: from.fixed()?,
                text: from.text()?.to_owned(),
            })
        })?;
        let is_whole = runs.iter().all(|run| run.first <= run.last);
        if !is_whole || !runs.is_sorted_by(|a, b| a.last <= b.first) {
            return Err(from.bad("its values are out of order"));
        }
        Ok(Change { runs: runs.into() })
    }
}

#[cfg(test)]
mod tests;
