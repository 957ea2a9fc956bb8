//! `plog rules replay`: rules over files that are there, in the files' own time.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use prisma_log_core::{Clock as _, SystemClock, Timestamp};
use prisma_log_monitor::{Engine, Firing, Match};
use serde_json::json;

use super::histogram::Histogram;
use super::merge::Merge;
use super::rules_of;
use crate::args::ReplayArgs;
use crate::exit::{Failure, Outcome};
use crate::files::{complain, expand, no_match};
use crate::present;
use crate::present::style::{FAINT, STRONG, WARN};

/// Event time that passes before the rules are told what time it is.
const TICK: Duration = Duration::from_secs(1);
/// How often they are told over a gap between two lines.
const TICKS_A_GAP: u32 = 1000;
/// Lines are handed to the engine in blocks of this many bytes.
const BLOCK: usize = 256 * 1024;

pub(super) fn run(args: &ReplayArgs) -> Outcome {
    let rules = rules_of(args.file.as_deref(), &args.rule)?;
    let expanded = expand(&args.log)?;
    if expanded.files.is_empty() && expanded.compressed.is_empty() {
        return Err(no_match(&args.log).into());
    }
    let bar = present::progress::bar();
    let mut merge = Merge::new(&expanded.files, SystemClock.now(), bar.clone())?;
    let rows = rules.len();
    let mut replay = Replay {
        engine: Engine::new(rules)?,
        block: Vec::new(),
        file: 0,
        now: None,
        ticked: None,
        matches: Vec::new(),
        tally: Tally {
            rows: (0..rows).map(|_| Row::default()).collect(),
            histogram: Histogram::new(rows),
            shown: 0,
            omitted: 0,
            open: HashMap::new(),
        },
        lines: 0,
        bytes: 0,
    };
    let outcome = merge.run(&mut |line| {
        if line.file != replay.file || replay.block.len() >= BLOCK {
            replay.scan(expanded.files.get(replay.file).map_or(Path::new(""), |file| file));
            replay.file = line.file;
        }
        if replay.ticked.is_none_or(|ticked| line.time.saturating_since(ticked) >= TICK) {
            replay.scan(line.source);
            replay.tick(line.time);
        }
        replay.now = replay.now.max(Some(line.time));
        replay.lines += 1;
        replay.bytes += line.bytes.len() as u64 + 1;
        replay.block.extend_from_slice(line.bytes);
        replay.block.push(b'\n');
        replay.tell(args)
    });
    outcome?;
    replay.scan(expanded.files.get(replay.file).map_or(Path::new(""), |file| file));
    if let Some(now) = replay.now {
        replay.tick(now);
    }
    replay.tell(args)?;
    bar.finish_and_clear();
    let sources = merge.sources();
    let failed = !sources.is_empty() && complain(&sources, &args.log);
    for file in &expanded.compressed {
        anstream::eprintln!("{WARN}not read, it is compressed: {}{WARN:#}", file.display());
    }
    replay.summary(args, sources.len())?;
    if failed { Err(Failure::Shown { usage: false }) } else { Ok(()) }
}

struct Replay {
    engine: Engine,
    /// Lines of one file that the engine has not seen.
    block: Vec<u8>,
    file: usize,
    /// The latest time of any line.
    now: Option<Timestamp>,
    ticked: Option<Timestamp>,
    matches: Vec<Match>,
    tally: Tally,
    lines: u64,
    bytes: u64,
}

/// What rules found so far.
struct Tally {
    rows: Vec<Row>,
    histogram: Histogram,
    shown: usize,
    omitted: u64,
    /// When each rule's groups that fired had their last match.
    open: HashMap<(usize, String), Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Row {
    matches: u64,
    firings: u64,
    alerts: u64,
}

impl Replay {
    fn scan(&mut self, source: &Path) {
        if self.block.is_empty() {
            return;
        }
        let now = self.now.unwrap_or_else(|| SystemClock.now());
        self.engine.scan(source, &self.block, now, &mut self.matches);
        self.block.clear();
        self.tally.histogram.reach(now);
    }

    /// Tells the rules that it is `now`, and at some moments before that when long ago they were
    /// told last.
    fn tick(&mut self, now: Timestamp) {
        let gap = self.ticked.map_or(Duration::ZERO, |ticked| now.saturating_since(ticked));
        let step = (gap / TICKS_A_GAP).max(TICK);
        while let Some(ticked) = self.ticked
            && now.saturating_since(ticked) > step
        {
            let between = ticked.saturating_add(step);
            self.engine.tick(between, &mut self.matches);
            self.ticked = Some(between);
        }
        self.engine.tick(now, &mut self.matches);
        self.ticked = Some(now);
    }

    /// Counts and shows what was found.
    fn tell(&mut self, args: &ReplayArgs) -> Outcome {
        if self.matches.is_empty() {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        for found in self.matches.drain(..) {
            let Some(rule) = self.engine.rules().get(found.rule) else { continue };
            let quiet = rule.resolve_after().max(rule.cooldown());
            let Some(told) = self.tally.take(&found, quiet) else { continue };
            if args.json {
                writeln!(out, "{}", fired(rule.name(), rule.severity().as_str(), &found, &told))?;
            } else if told.is_alert && self.tally.shown < args.limit {
                self.tally.shown += 1;
                writeln!(out, "{}", present::rule::fired(rule, &found, told.firing))?;
            } else if told.is_alert {
                self.tally.omitted += 1;
            }
        }
        Ok(())
    }

    fn summary(&self, args: &ReplayArgs, files: usize) -> Outcome {
        let mut out = anstream::stdout().lock();
        let span = self.tally.histogram.span();
        if args.json {
            for (index, (rule, row)) in self.engine.rules().iter().zip(&self.tally.rows).enumerate()
            {
                let line = json!({
                    "event": "rule",
                    "rule": rule.name(),
                    "severity": rule.severity().as_str(),
                    "matches": row.matches,
                    "firings": row.firings,
                    "alerts": row.alerts,
                    "evicted_groups": self.engine.evicted_groups(index),
                });
                writeln!(out, "{line}")?;
            }
            let total = |of: fn(&Row) -> u64| self.tally.rows.iter().map(of).sum::<u64>();
            let end = json!({
                "event": "end",
                "files": files,
                "lines": self.lines,
                "bytes": self.bytes,
                "from": span.map(|(from, _)| from.to_string()),
                "to": span.map(|(_, to)| to.to_string()),
                "matches": total(|row| row.matches),
                "firings": total(|row| row.firings),
                "alerts": total(|row| row.alerts),
            });
            writeln!(out, "{end}")?;
            return Ok(());
        }
        if self.tally.omitted > 0 {
            writeln!(out, "{FAINT}… and {} more: add --limit{FAINT:#}", self.tally.omitted)?;
        }
        self.table(&mut out)?;
        let (lines, bytes) = (self.lines, self.bytes);
        let s = if files == 1 { "" } else { "s" };
        writeln!(out, "{FAINT}{lines} lines, {bytes} bytes read in {files} file{s}{FAINT:#}")?;
        Ok(())
    }

    fn table(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let rules = self.engine.rules();
        let mut active: Vec<usize> = (0..rules.len())
            .filter(|&index| {
                self.tally.rows.get(index).is_some_and(|row| row.matches + row.firings > 0)
            })
            .collect();
        active.sort_by_key(|&index| {
            std::cmp::Reverse(
                self.tally.rows.get(index).map_or((0, 0), |row| (row.alerts, row.matches)),
            )
        });
        let names = active.iter().filter_map(|&index| rules.get(index));
        let width = names.map(|rule| rule.name().len()).max().unwrap_or(0).max(4);
        if let (Some((from, to)), false) = (self.tally.histogram.span(), active.is_empty()) {
            writeln!(
                out,
                "{FAINT}{:<width$}  {:>9}  {:>9}  {:>9}  firings, {from} to {to}{FAINT:#}",
                "rule", "matches", "firings", "alerts"
            )?;
        }
        for &index in &active {
            let (Some(rule), Some(row)) = (rules.get(index), self.tally.rows.get(index)) else {
                continue;
            };
            let severity = present::style::severity(rule.severity());
            let Row { matches, firings, alerts } = row;
            let bars = self.tally.histogram.bars(index);
            writeln!(
                out,
                "{STRONG}{:<width$}{STRONG:#}  {matches:>9}  {firings:>9}  {alerts:>9}  {severity}{bars}{severity:#}",
                rule.name(),
            )?;
            let evicted = self.engine.evicted_groups(index);
            if evicted > 0 {
                writeln!(out, "{WARN}  it forgot {evicted} groups: too many at once{WARN:#}")?;
            }
        }
        let silent = rules.len() - active.len();
        if silent > 0 {
            let s = if silent == 1 { "" } else { "s" };
            writeln!(out, "{FAINT}{silent} rule{s} found nothing{FAINT:#}")?;
        }
        Ok(())
    }
}

/// A firing, and whether it would have raised an alert or opened one again.
struct Told<'m> {
    firing: &'m Firing,
    is_alert: bool,
}

impl Tally {
    /// Counts a match; an alert that saw none for `quiet` is over.
    fn take<'m>(&mut self, found: &'m Match, quiet: Duration) -> Option<Told<'m>> {
        let row = self.rows.get_mut(found.rule)?;
        // What time alone brought about is no match.
        row.matches += u64::from(!found.sample.is_empty());
        let key = (found.rule, found.group.to_string());
        let last = self.open.get(&key).copied();
        let is_open = last.is_some_and(|last| found.time.saturating_since(last) <= quiet);
        match last {
            Some(last) if is_open => _ = self.open.insert(key, found.time.max(last)),
            Some(_) if found.firing.is_none() => _ = self.open.remove(&key),
            _ if found.firing.is_some() => _ = self.open.insert(key, found.time),
            _ => {}
        }
        let firing = found.firing.as_ref()?;
        row.firings += 1;
        self.histogram.count(found.rule, found.time);
        let is_alert = !is_open;
        row.alerts += u64::from(is_alert);
        Some(Told { firing, is_alert })
    }
}

fn fired(rule: &str, severity: &str, found: &Match, told: &Told<'_>) -> serde_json::Value {
    let group: serde_json::Map<_, _> =
        found.group.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    json!({
        "event": "fired",
        "time": found.time.to_string(),
        "rule": rule,
        "severity": severity,
        "group": group,
        "source": found.source.to_string_lossy(),
        "count": told.firing.count,
        "first": told.firing.first.to_string(),
        "last": told.firing.last.to_string(),
        "why": told.firing.why,
        "alert": told.is_alert,
        "sample": found.sample,
    })
}
