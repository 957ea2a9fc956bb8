//! Lines, blocks of lines and records of the process on their way to the rules.

use std::path::Path;
use std::sync::Arc;

use prisma_log_core::{Record, Timestamp};
use prisma_log_tail::{LineParser, LogLine};

use super::facts::Facts;
use super::sight::{Seen, Sight};
use super::{Engine, Match, Source, parser};
use crate::text::kept;

/// How many lines, and bytes, before a line that states no time may have one that does.
const LOOK_BACK_LINES: usize = 256;
const LOOK_BACK_BYTES: usize = 64 * 1024;
/// Parsers remember their file's form; of more files than this, some are parsed afresh.
const MAX_PARSERS: usize = 1024;

impl Engine {
    /// Takes a line in; returns a match for every rule that it counts for, and for every group that
    /// fired with it.
    ///
    /// `raw` is the line as it stands in `source`, `line` what it was read as, and `now` when it
    /// was read.
    pub fn observe(
        &mut self,
        source: &Path,
        line: &LogLine,
        raw: &[u8],
        now: Timestamp,
    ) -> Vec<Match> {
        let path = self.enter(source);
        let raw = String::from_utf8_lossy(raw);
        let facts = Facts { source, subject: line, raw: &raw };
        let rules = self.rules.iter().enumerate();
        let sights: Vec<Sight> =
            rules.filter_map(|(index, rule)| Sight::of(index, rule, &facts)).collect();
        let times = self.times(source, line.timestamp, now);
        let mut matches = Vec::new();
        self.take(&path, sights, times, &line.message, &raw, &mut matches);
        matches
    }

    /// Takes a block of whole lines of a file in, each ended by `\n`; the last one may lack it. Adds
    /// to `matches` what [`Engine::observe`] returns for each.
    ///
    /// Only lines that hold what a rule can't match without are read at all. A line that states no
    /// time has that of the last line before it that does, if that stands in the same block, at
    /// most 256 lines and 64 KiB before; else that of the last line that was read.
    ///
    /// With a joiner ([`Engine::with_joiner`]) a block is whole records, and rules are asked about
    /// records instead of lines.
    pub fn scan(&mut self, source: &Path, block: &[u8], now: Timestamp, matches: &mut Vec<Match>) {
        let path = self.enter(source);
        let mut parser = self.borrow_parser(source);
        let mut nominated = std::mem::take(&mut self.nominated);
        let plan = Arc::clone(&self.plan);
        nominated.fill(&plan, block);
        let joiner = self.joiner.clone();
        nominated.each(&plan, block, joiner.as_ref(), |range, rules| {
            let (Some(bytes), Some(before)) = (block.get(range.clone()), block.get(..range.start))
            else {
                return;
            };
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let line = parser.view(bytes);
            let raw = String::from_utf8_lossy(bytes);
            let facts = Facts { source, subject: &line, raw: &raw };
            let sights = self.sights(rules, &facts);
            if sights.is_empty() {
                return;
            }
            let stated = line.timestamp().or_else(|| last_time(&mut self.parser, before));
            let times = self.times(source, stated, now);
            self.take(&path, sights, times, line.message(), &raw, matches);
        });
        self.nominated = nominated;
        // Where the file's time stands, whether its lines were of interest or not.
        if let Some(stated) = last_time(&mut parser, block) {
            self.times(source, Some(stated), now);
        }
        self.return_parser(source, parser);
    }

    /// Takes a record of the process in, whose message stands in for a raw line. Adds to `matches`
    /// what [`Engine::observe`] returns.
    pub fn record(
        &mut self,
        source: &Path,
        record: &Record<'_>,
        now: Timestamp,
        matches: &mut Vec<Match>,
    ) {
        let facts = Facts { source, subject: record, raw: record.message };
        let rules = self.nominated.rules_of(&self.plan, record.message);
        let rules = rules.iter().filter_map(|&index| {
            let index = index as usize;
            Sight::of(index, self.rules.get(index)?, &facts)
        });
        let sights: Vec<Sight> = rules.collect();
        if sights.is_empty() {
            return;
        }
        let path = self.enter(source);
        let times = self.times(source, Some(record.timestamp), now);
        self.take(&path, sights, times, record.message, record.message, matches);
    }

    fn sights(&self, rules: &[u32], facts: &Facts<'_>) -> Vec<Sight> {
        let asked = rules.iter().filter_map(|&index| {
            let index = index as usize;
            Sight::of(index, self.rules.get(index)?, facts)
        });
        asked.collect()
    }

    /// Gives a line to the groups of the rules that it concerns.
    fn take(
        &mut self,
        source: &Arc<Path>,
        sights: Vec<Sight>,
        (time, watermark): (Timestamp, Timestamp),
        message: &str,
        raw: &str,
        matches: &mut Vec<Match>,
    ) {
        if sights.is_empty() {
            return;
        }
        let sample = kept(raw);
        let seen = Seen { source, time, watermark, message, sample: &sample };
        for sight in sights {
            let index = sight.rule;
            let (Some(rule), Some(groups)) = (self.rules.get(index), self.groups.get_mut(index))
            else {
                continue;
            };
            matches.extend(sight.take(rule, groups, &seen));
        }
    }

    /// The time of a line of this source, and the latest one that was seen in it.
    fn times(
        &mut self,
        source: &Path,
        stated: Option<Timestamp>,
        now: Timestamp,
    ) -> (Timestamp, Timestamp) {
        let Some(state) = self.sources.get_mut(source) else { return (now, now) };
        let time = state.clock.observe(stated, now);
        (time, state.clock.watermark().unwrap_or(time))
    }

    /// Notes that lines come from this source.
    fn enter(&mut self, source: &Path) -> Arc<Path> {
        if let Some((path, _)) = self.sources.get_key_value(source) {
            let path = Arc::clone(path);
            if let Some(state) = self.sources.get_mut(source) {
                state.has_changed = true;
            }
            return path;
        }
        let path: Arc<Path> = source.into();
        self.sources.insert(Arc::clone(&path), Source { has_changed: true, ..Source::default() });
        path
    }

    fn borrow_parser(&mut self, source: &Path) -> Box<LineParser> {
        let kept = self.sources.get_mut(source).and_then(|state| state.parser.take());
        kept.unwrap_or_else(|| {
            if self.parsers >= MAX_PARSERS {
                self.sources.values_mut().for_each(|state| state.parser = None);
                self.parsers = 0;
            }
            self.parsers += 1;
            Box::new(parser(&self.clock))
        })
    }

    fn return_parser(&mut self, source: &Path, parser: Box<LineParser>) {
        if let Some(state) = self.sources.get_mut(source) {
            state.parser = Some(parser);
        }
    }
}

/// The time that the last line of `text` which states one states.
fn last_time(parser: &mut LineParser, text: &[u8]) -> Option<Timestamp> {
    let near = text.len().saturating_sub(LOOK_BACK_BYTES);
    let mut text = text.get(near..)?;
    for _ in 0..LOOK_BACK_LINES {
        text = text.strip_suffix(b"\n").unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        let start = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
        let (rest, line) = text.split_at(start);
        let stated = parser.view(line).timestamp();
        if stated.is_some() {
            return stated;
        }
        text = rest;
    }
    None
}

#[cfg(test)]
mod tests;
