//! Lines, blocks of lines and records of the process on their way to the rules.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use prisma_log_core::{Record, Timestamp};
use prisma_log_tail::{LineParser, LogLine};

use super::facts::Facts;
use super::found::{Hits, Seen};
use super::sight::Sights;
use super::{Engine, Match, parser};
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
        let mut matches = Vec::new();
        self.observe_into(source, line, raw, now, &mut matches);
        matches
    }

    pub(crate) fn observe_into(
        &mut self,
        source: &Path,
        line: &LogLine,
        raw: &[u8],
        now: Timestamp,
        hits: &mut impl Hits,
    ) {
        let place = self.enter(source);
        let raw = String::from_utf8_lossy(raw);
        let mut sights = std::mem::take(&mut self.sights);
        let facts = Facts { source, subject: line, raw: &raw };
        let is_seen = sights.ask(self.rules.iter().enumerate(), &facts);
        let times = self.times(place, line.timestamp, now);
        if is_seen {
            self.take(place, &sights, times, &line.message, &raw, hits);
        }
        self.sights = sights;
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
        self.scan_into(source, block, now, matches);
    }

    pub(crate) fn scan_into(
        &mut self,
        source: &Path,
        block: &[u8],
        now: Timestamp,
        hits: &mut impl Hits,
    ) {
        let place = self.enter(source);
        let mut parser = self.borrow_parser(place);
        let mut nominated = std::mem::take(&mut self.nominated);
        let mut sights = std::mem::take(&mut self.sights);
        let plan = Arc::clone(&self.plan);
        nominated.fill(&plan, block);
        let joiner = self.joiner.clone();
        // Up to here the clock knows what times lines state.
        let mut known = 0;
        nominated.each(&plan, block, joiner.as_ref(), |range, rules| {
            let (Some(bytes), Some(before)) =
                (block.get(range.clone()), block.get(known..range.start))
            else {
                return;
            };
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let line = parser.view(bytes);
            let raw = as_text(bytes);
            let facts = Facts { source, subject: &line, raw: &raw };
            let asked = rules.iter().filter_map(|&index| {
                let index = index as usize;
                Some((index, self.rules.get(index)?))
            });
            if !sights.ask(asked, &facts) {
                return;
            }
            let stated = line.timestamp().or_else(|| last_time(&mut self.parser, before));
            known = range.end;
            let times = self.times(place, stated, now);
            self.take(place, &sights, times, line.message(), &raw, hits);
        });
        (self.nominated, self.sights) = (nominated, sights);
        // Where the file's time stands, whether its lines were of interest or not.
        let rest = block.get(known..).unwrap_or_default();
        if let Some(stated) = last_time(&mut parser, rest) {
            self.times(place, Some(stated), now);
        }
        self.return_parser(place, parser);
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
        self.record_into(source, record, now, matches);
    }

    pub(crate) fn record_into(
        &mut self,
        source: &Path,
        record: &Record<'_>,
        now: Timestamp,
        hits: &mut impl Hits,
    ) {
        let facts = Facts { source, subject: record, raw: record.message };
        let rules = self.nominated.rules_of(&self.plan, record.message);
        let asked = rules.iter().filter_map(|&index| {
            let index = index as usize;
            Some((index, self.rules.get(index)?))
        });
        let mut sights = std::mem::take(&mut self.sights);
        if sights.ask(asked, &facts) {
            let place = self.enter(source);
            let times = self.times(place, Some(record.timestamp), now);
            self.take(place, &sights, times, record.message, record.message, hits);
        }
        self.sights = sights;
    }

    /// Gives a line to the groups of the rules that it concerns.
    fn take(
        &mut self,
        place: usize,
        sights: &Sights,
        (time, watermark): (Timestamp, Timestamp),
        message: &str,
        raw: &str,
        hits: &mut impl Hits,
    ) {
        let Some(source) = self.sources.list.get_mut(place) else { return };
        source.has_effect = true;
        let sample = kept(raw);
        let seen = Seen { source: &source.path, time, watermark, message, sample: &sample };
        sights.take(&self.rules, &mut self.groups, &seen, hits);
    }

    /// The time of a line of this source, and the latest one that was seen in it.
    fn times(
        &mut self,
        place: usize,
        stated: Option<Timestamp>,
        now: Timestamp,
    ) -> (Timestamp, Timestamp) {
        let Some(state) = self.sources.list.get_mut(place) else { return (now, now) };
        let time = state.clock.observe(stated, now);
        (time, state.clock.watermark().unwrap_or(time))
    }

    /// Notes that lines come from this source; returns its place.
    fn enter(&mut self, source: &Path) -> usize {
        let place = self.sources.place(source);
        if let Some(state) = self.sources.list.get_mut(place) {
            state.has_changed = true;
        }
        place
    }

    fn borrow_parser(&mut self, place: usize) -> Box<LineParser> {
        let kept = self.sources.list.get_mut(place).and_then(|state| state.parser.take());
        kept.unwrap_or_else(|| {
            if self.parsers >= MAX_PARSERS {
                self.sources.list.iter_mut().for_each(|state| state.parser = None);
                self.parsers = 0;
            }
            self.parsers += 1;
            Box::new(parser(&self.clock))
        })
    }

    fn return_parser(&mut self, place: usize, parser: Box<LineParser>) {
        if let Some(state) = self.sources.list.get_mut(place) {
            state.parser = Some(parser);
        }
    }
}

/// A line as text; what is not UTF-8 becomes U+FFFD.
fn as_text(bytes: &[u8]) -> Cow<'_, str> {
    // Several times as fast as `from_utf8_lossy` where nothing is lost.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
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
