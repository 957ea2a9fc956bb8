//! How events lie in a span of time whose length is not known yet.

use std::time::Duration;

use prisma_log_core::Timestamp;

/// Counts on a common axis of time, in so many columns at most.
pub(super) const COLUMNS: usize = 48;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Counts of several rows over time. The axis begins with the first moment that was noted, and
/// its columns become wider as later ones come.
#[derive(Debug)]
pub(super) struct Histogram {
    start: Option<Timestamp>,
    end: Timestamp,
    width: Duration,
    rows: Vec<[u64; COLUMNS]>,
}

impl Histogram {
    pub(super) fn new(rows: usize) -> Self {
        Histogram {
            start: None,
            end: Timestamp::UNIX_EPOCH,
            width: Duration::from_secs(1),
            rows: vec![[0; COLUMNS]; rows],
        }
    }

    /// The first and the last moment, once there is one.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.start.map(|start| (start, self.end))
    }

    /// Makes room for a moment, where nothing needs to have happened.
    pub(super) fn reach(&mut self, at: Timestamp) {
        let start = *self.start.get_or_insert(at);
        self.end = self.end.max(at);
        while self.column(start, at) >= COLUMNS {
            self.width *= 2;
            for row in &mut self.rows {
                *row = std::array::from_fn(|i| {
                    let half = |j: usize| row.get(j).copied().unwrap_or(0);
                    half(2 * i) + half(2 * i + 1)
                });
            }
        }
    }

    /// Counts an event. One before the start counts in the first column.
    pub(super) fn count(&mut self, row: usize, at: Timestamp) {
        self.reach(at);
        let column = self.start.map_or(0, |start| self.column(start, at));
        let cell = self.rows.get_mut(row).and_then(|row| row.get_mut(column));
        if let Some(cell) = cell {
            *cell += 1;
        }
    }

    fn column(&self, start: Timestamp, at: Timestamp) -> usize {
        let column = at.saturating_since(start).as_nanos() / self.width.as_nanos();
        usize::try_from(column).unwrap_or(usize::MAX)
    }

    /// A row as bars; blanks where nothing happened.
    pub(super) fn bars(&self, row: usize) -> String {
        let used = self.start.map_or(0, |start| self.column(start, self.end) + 1).min(COLUMNS);
        let Some(cells) = self.rows.get(row).and_then(|row| row.get(..used)) else {
            return String::new();
        };
        let most = cells.iter().copied().max().unwrap_or(0).max(1);
        let bar = |&count: &u64| match count {
            0 => ' ',
            count => BARS[((count * 8).div_ceil(most) as usize).clamp(1, 8) - 1],
        };
        cells.iter().map(bar).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_000_000 + seconds)
    }

    #[test]
    fn the_axis_grows_with_what_comes() {
        let mut histogram = Histogram::new(2);
        assert_eq!((histogram.bars(0), histogram.span()), (String::new(), None));
        histogram.count(0, at(0));
        histogram.count(0, at(2));
        histogram.count(0, at(2));
        assert_eq!(histogram.bars(0), "▄ █");
        assert_eq!(histogram.bars(1), "   ");
        histogram.reach(at(95));
        assert_eq!(histogram.bars(0).trim_end(), "▄█");
        assert_eq!(histogram.bars(0).chars().count(), COLUMNS);
        histogram.count(1, at(1_000_000));
        histogram.count(1, at(-5));
        assert_eq!(histogram.bars(0).trim_end(), "█");
        assert_eq!(histogram.bars(1).chars().filter(|&bar| bar == '█').count(), 2);
        assert_eq!(histogram.span(), Some((at(0), at(1_000_000))));
    }
}
