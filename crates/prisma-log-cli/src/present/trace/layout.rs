//! How wide the columns of a tree are, and the lines that lead to its branches.

use crate::present::terminal::columns;
use crate::trace::{Item, Trace, Tree};

/// Columns of `took` and `self`.
pub(super) const TIME: usize = 8;
/// Between columns.
const GAP: usize = 2;
/// Services may have this part of all columns.
const SERVICE_PART: usize = 6;
const LEAST_LABEL: usize = 16;
const LEAST_BAR: usize = 10;
/// Columns that one level is further in.
const STEP: usize = 3;
/// Below so many columns in all, kinds have no room.
const WIDTH_WITH_KINDS: usize = 80;

/// Widths in columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) service: usize,
    /// Branches and name.
    pub(super) label: usize,
    /// 0 for no such column.
    pub(super) kind: usize,
    pub(super) bar: usize,
    /// Levels that are drawn; of deeper rows only the innermost.
    pub(super) levels: usize,
}

impl Layout {
    pub(super) fn new(trace: &Trace, tree: &Tree, width: usize) -> Self {
        let service = trace.services.iter().map(|name| columns(name)).max().unwrap_or(0);
        let service = service.clamp("service".len(), width / SERVICE_PART);
        let kinds = trace.spans.iter().map(|span| super::rows::kind(span.kind).len());
        let kind = kinds.max().filter(|_| width >= WIDTH_WITH_KINDS).unwrap_or(0);
        let kind_and_gap = if kind > 0 { kind.max("kind".len()) + GAP } else { 0 };
        let room = width - service - GAP - kind_and_gap - 2 * (TIME + GAP) - GAP;
        let most = room.saturating_sub((room * 2 / 5).max(LEAST_BAR)).max(LEAST_LABEL);
        let levels = most / 2 / STEP;
        let labels = tree.rows.iter().filter_map(|row| match row.item {
            Item::Span(index) => {
                let branches = branches_width(row.depth, levels);
                Some(branches + columns(&trace.spans[index].name))
            }
            _ => None,
        });
        let label = labels.max().unwrap_or(0).clamp(LEAST_LABEL, most);
        let bar = room.saturating_sub(label).max(LEAST_BAR);
        let kind = kind_and_gap.saturating_sub(GAP);
        Layout { width, service, label, kind, bar, levels }
    }
}

fn branches_width(depth: usize, levels: usize) -> usize {
    depth.min(levels) * STEP + usize::from(depth > levels) * depth_mark(depth).chars().count()
}

/// Stands for the levels that are not drawn.
fn depth_mark(depth: usize) -> String {
    format!("…{depth} ")
}

/// Draws the lines to each row, as the rows go by.
#[derive(Debug, Default)]
pub(super) struct Branches {
    /// For each level above whether its row was the last one.
    last: Vec<bool>,
}

impl Branches {
    /// The next row.
    pub(super) fn step(&mut self, depth: usize, is_last: bool) {
        self.last.truncate(depth);
        self.last.resize(depth, true);
        self.last.push(is_last);
    }

    /// What stands in front of the row.
    pub(super) fn row(&self, levels: usize) -> String {
        let Some((&is_last, above)) = self.last.split_last() else { return String::new() };
        if above.is_empty() {
            return String::new();
        }
        let mut text = self.above(levels.saturating_sub(1));
        text.push_str(if is_last { "└─ " } else { "├─ " });
        text
    }

    /// What stands in front of more lines about the row.
    pub(super) fn below(&self, levels: usize, has_children: bool) -> String {
        let mut text = match self.last.len() {
            0 | 1 => String::new(),
            _ => {
                let mut text = self.above(levels.saturating_sub(1));
                let is_last = self.last.last().copied().unwrap_or(true);
                text.push_str(if is_last { "   " } else { "│  " });
                text
            }
        };
        text.push_str(if has_children { "│  " } else { "   " });
        text
    }

    /// The innermost levels above the row's own; roots stand side by side without a line.
    fn above(&self, levels: usize) -> String {
        let depth = self.last.len() - 1;
        let above = self.last.get(1..depth).unwrap_or_default();
        let skipped = above.len().saturating_sub(levels);
        let mut text = if skipped > 0 { depth_mark(depth) } else { String::new() };
        for &is_last in above.iter().skip(skipped) {
            text.push_str(if is_last { "   " } else { "│  " });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_lead_to_rows() {
        let mut branches = Branches::default();
        let mut check = |depth: usize, is_last: bool, row: &str, below: &str| {
            branches.step(depth, is_last);
            assert_eq!(branches.row(3), row);
            assert_eq!(branches.below(3, true), below);
            assert!(row.chars().count() <= branches_width(depth, 3), "{row}");
        };
        check(0, false, "", "│  ");
        check(1, false, "├─ ", "│  │  ");
        check(2, true, "│  └─ ", "│     │  ");
        check(1, true, "└─ ", "   │  ");
        check(2, false, "   ├─ ", "   │  │  ");
        check(3, false, "   │  ├─ ", "   │  │  │  ");
        check(4, true, "…4 │  │  └─ ", "…4 │  │     │  ");
        check(99, true, "…99       └─ ", "…99          │  ");
        check(0, true, "", "│  ");
    }
}
