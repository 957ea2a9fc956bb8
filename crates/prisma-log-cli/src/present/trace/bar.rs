//! A span on the common axis of time: solid where it ran itself, light where spans below it did.

use std::ops::Range;

use prisma_log_core::Timestamp;

const ITSELF: char = '█';
const BELOW: char = '░';
/// Less than half a cell.
const SHORT: char = '▏';

/// The legend of the signs.
pub(super) const LEGEND: &str = "█ itself  ░ spans below";

/// The common axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    start: Timestamp,
    /// Nanoseconds of a cell.
    cell: f64,
    cells: usize,
}

impl Axis {
    pub(super) fn new(start: Timestamp, end: Timestamp, cells: usize) -> Self {
        let all = end.saturating_since(start).as_nanos().max(1) as f64;
        Axis { start, cell: all / cells.max(1) as f64, cells: cells.max(1) }
    }

    /// The bar of a span from `start` to `end`, within which `busy` spans below it ran.
    pub(super) fn bar(
        &self,
        start: Timestamp,
        end: Timestamp,
        busy: &[Range<Timestamp>],
    ) -> String {
        let (from, to) = (self.position(start), self.position(end));
        let first = (from.round() as usize).min(self.cells - 1);
        let after = (to.round() as usize).clamp(first + 1, self.cells);
        let mut covered = vec![0.0; after - first];
        for busy in busy {
            let (from, to) = (self.position(busy.start), self.position(busy.end));
            let begin = (from as usize).clamp(first, after - 1);
            for cell in begin..after {
                let (left, right) = (cell as f64, cell as f64 + 1.0);
                if left >= to {
                    break;
                }
                covered[cell - first] += (to.min(right) - from.max(left)).max(0.0);
            }
        }
        let mut bar = " ".repeat(first);
        if to - from < 0.5 {
            bar.push(SHORT);
        } else {
            bar.extend(covered.iter().map(|&part| if part > 0.5 { BELOW } else { ITSELF }));
        }
        bar
    }

    /// Where a moment is, in cells.
    fn position(&self, at: Timestamp) -> f64 {
        at.saturating_since(self.start).as_nanos() as f64 / self.cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_their_time_is() {
        let at = Timestamp::from_unix_nanos;
        let axis = Axis::new(at(1_000), at(2_000), 10);
        let check = |start: i64, end: i64, busy: &[(i64, i64)], expect: &str| {
            let busy: Vec<_> = busy.iter().map(|&(from, to)| at(from)..at(to)).collect();
            assert_eq!(axis.bar(at(start), at(end), &busy), expect, "{start}..{end}");
        };
        check(1_000, 2_000, &[], "██████████");
        check(1_000, 2_000, &[(1_100, 1_500), (1_700, 1_780)], "█░░░░██░██");
        // Two of them in one cell are together most of it.
        check(1_000, 1_200, &[(1_000, 1_030), (1_050, 1_090)], "░█");
        check(1_500, 1_700, &[], "     ██");
        check(1_500, 1_501, &[], "     ▏");
        check(2_000, 2_000, &[], "         ▏");
        check(1_960, 2_000, &[], "         ▏");
        // Beyond the axis, which hostile times could be.
        check(i64::MIN, i64::MAX, &[], "██████████");
        check(5_000, 6_000, &[(i64::MIN, i64::MAX)], "         ░");
        let point = Axis::new(at(5), at(5), 4);
        assert_eq!(point.bar(at(5), at(5), &[]), "▏");
    }
}
