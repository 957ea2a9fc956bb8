//! The lines of a block that rules have to be asked about.

use std::ops::Range;

use prisma_log_match::Scratch;
use prisma_log_tail::Joiner;

use super::plan::Plan;

/// Lines of a block, and the rules that each may concern; kept to be filled again.
#[derive(Debug, Default)]
pub(super) struct Nominated {
    scratch: Scratch,
    /// A line, and where its rules stand in `rules`.
    lines: Vec<(Range<usize>, Range<usize>)>,
    rules: Vec<u32>,
    of_line: Vec<u32>,
}

impl Nominated {
    /// Looks through a block.
    pub(super) fn fill(&mut self, plan: &Plan, block: &[u8]) {
        let Nominated { scratch, lines, rules, of_line } = self;
        lines.clear();
        rules.clear();
        plan.set.scan(block, scratch, &mut |hit| {
            plan.rules(hit.patterns, of_line);
            let start = rules.len();
            rules.extend_from_slice(of_line);
            lines.push((hit.line, start..rules.len()));
        });
    }

    /// Calls `each` with every line of `block`, in order, that some rule has to be asked about, and
    /// these rules, ascending; with a joiner with every such record instead.
    pub(super) fn each(
        &self,
        plan: &Plan,
        block: &[u8],
        joiner: Option<&Joiner>,
        mut each: impl FnMut(Range<usize>, &[u32]),
    ) {
        let Some(joiner) = joiner else { return self.each_line(plan, block, each) };
        let mut finder = joiner.finder(block);
        let mut open: Option<(Range<usize>, Vec<u32>)> = None;
        self.each_line(plan, block, |line, rules| {
            let record = finder.around(line);
            match &mut open {
                Some((range, asked)) if *range == record => {
                    asked.extend_from_slice(rules);
                    asked.sort_unstable();
                    asked.dedup();
                }
                _ => {
                    if let Some((record, rules)) = open.replace((record, rules.to_vec())) {
                        each(record, &rules);
                    }
                }
            }
        });
        if let Some((record, rules)) = open {
            each(record, &rules);
        }
    }

    fn each_line(&self, plan: &Plan, block: &[u8], mut each: impl FnMut(Range<usize>, &[u32])) {
        let rules = |of: &Range<usize>| self.rules.get(of.clone()).unwrap_or_default();
        if plan.hungry.is_empty() {
            return self.lines.iter().for_each(|(line, of)| each(line.clone(), rules(of)));
        }
        let mut nominated = self.lines.iter().peekable();
        let mut start = 0;
        while start < block.len() {
            let end = memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |at| start + at);
            match nominated.next_if(|(line, _)| line.start == start) {
                Some((line, of)) => each(line.clone(), rules(of)),
                None => each(start..end, &plan.hungry),
            }
            start = end + 1;
        }
    }

    /// Patterns that were given up, each on each line.
    pub(super) fn undecided(&self) -> u64 {
        self.scratch.undecided()
    }

    /// The rules that a single text may concern, ascending.
    pub(super) fn rules_of<'a>(&'a mut self, plan: &'a Plan, text: &str) -> &'a [u32] {
        let patterns = plan.set.matches(text.as_bytes(), &mut self.scratch);
        if patterns.is_empty() {
            return &plan.hungry;
        }
        plan.rules(patterns, &mut self.of_line);
        &self.of_line
    }
}
