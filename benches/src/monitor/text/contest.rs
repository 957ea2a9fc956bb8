//! Rounds of all contenders.

use std::path::Path;
use std::time::Duration;

use super::{Setting, child, pattern_file};
use crate::monitor::patterns;

/// A contender's times.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// Files that it counts in.
    pub(super) files: usize,
    /// Peak of resident memory, where it is ours to know.
    pub(super) mebibytes: Option<f64>,
    seconds: Vec<f64>,
}

/// All contenders.
pub(super) struct Contest(Vec<Entry>);

impl Entry {
    pub(super) fn median(&self) -> f64 {
        super::super::median(&self.seconds)
    }

    pub(super) fn best(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

impl Contest {
    /// Runs the rounds; fails when two count differently.
    pub(super) fn run(setting: &Setting) -> Result<Self, String> {
        let mut contest = Contest(Vec::new());
        let rounds = if setting.quick { 3 } else { 7 };
        for _ in 0..rounds {
            contest.round(setting)?;
        }
        Ok(contest)
    }

    fn round(&mut self, setting: &Setting) -> Result<(), String> {
        let [file, second] = &setting.files;
        let both: &[&Path] = &[file, second];
        let patterns = |size| pattern_file(size, file);
        let eight = patterns::set(8);
        let (_, took) = setting.ripgrep.count(&eight, false, file)?;
        self.add("rg, 8, same case", 1, took, None);
        let lines = self.ours("ours, 8", 1, &patterns(8)?, &[file])?;
        let (theirs, took) = setting.ripgrep.count(&eight, true, file)?;
        self.add("rg -i, 8", 1, took, None);
        same("8 patterns", lines, theirs)?;
        for (ours, rg, size) in
            [("ours, 100", "rg -i -f, 100", 100), ("ours, 1000", "rg -i -f, 1000", 1000)]
        {
            let lines = self.ours(ours, 1, &patterns(size)?, &[file])?;
            let (theirs, took) = setting.ripgrep.count_from(&patterns(size)?, file)?;
            self.add(rg, 1, took, None);
            same(rg, lines, theirs)?;
        }
        let one = self.ours("ours, 8, 2 files", 1, &patterns(8)?, both)?;
        let two = self.ours("ours, 8, 2 files, 2 threads", 2, &patterns(8)?, both)?;
        same("2 threads", two, one)
    }

    /// A run of ours; returns the lines that hold any pattern.
    fn ours(
        &mut self,
        name: &'static str,
        threads: usize,
        patterns: &Path,
        files: &[&Path],
    ) -> Result<u64, String> {
        let (counted, took) = child::count(threads, patterns, files)?;
        self.add(name, files.len(), took, Some(counted.mebibytes));
        Ok(counted.lines)
    }

    fn add(&mut self, name: &'static str, files: usize, took: Duration, mebibytes: Option<f64>) {
        let known = self.0.iter().position(|entry| entry.name == name);
        let at = known.unwrap_or_else(|| {
            self.0.push(Entry { name, files, mebibytes, seconds: Vec::new() });
            self.0.len() - 1
        });
        let entry = &mut self.0[at];
        entry.seconds.push(took.as_secs_f64());
        entry.mebibytes = entry.mebibytes.zip(mebibytes).map(|(a, b)| a.max(b));
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    pub(super) fn rounds(&self) -> usize {
        self.0.iter().map(|entry| entry.seconds.len()).min().unwrap_or_default()
    }

    /// How many times as long the first takes as the second: the median over the rounds.
    pub(super) fn part(&self, first: &str, second: &str) -> f64 {
        let of = |name| self.0.iter().find(|entry| entry.name == name).map(|entry| &entry.seconds);
        let Some((first, second)) = of(first).zip(of(second)) else { return f64::NAN };
        let parts: Vec<f64> = first.iter().zip(second).map(|(a, b)| a / b).collect();
        super::super::median(&parts)
    }

    pub(super) fn most_mebibytes(&self) -> f64 {
        self.0.iter().filter_map(|entry| entry.mebibytes).fold(f64::NAN, f64::max)
    }
}

fn same(what: &str, ours: u64, theirs: u64) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("{what}: ours counts {ours} lines that hold any, ripgrep {theirs}"))
}
