//! Calls the user's handlers, and survives them.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use prisma_log_core::Error;
use prisma_log_tail::SourceStatus;

use super::builder::Handlers;
use super::repeat::Repeat;
use super::{Notification, NotificationKind, Progress, Report};
use crate::Rule;

const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Least time between two words on a loss that goes on.
const LOSS_EVERY: Duration = Duration::from_secs(60);

/// The handlers, and what came of calling them.
pub(super) struct Teller {
    handlers: Handlers,
    progress_told: Option<Instant>,
    /// The last error of every file that was told.
    file_errors: HashMap<PathBuf, String>,
    /// The gaps of every file that were told.
    gaps: HashMap<PathBuf, u64>,
    /// The forgotten groups of every rule.
    forgotten: HashMap<String, Told>,
    /// The firings that raised no alert.
    not_opened: Told,
    /// The patterns that were given up.
    undecided: Told,
    repeat: Repeat,
    notified: u64,
    redelivered: u64,
    panics: u64,
    errors: u64,
}

/// How much of a loss was told, and when.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    count: u64,
    at: Option<Instant>,
}

impl Told {
    /// What there is to tell of a loss that has come to `count`: the first time at once, then once a
    /// minute and at the end.
    fn fresh(&mut self, count: u64, at_the_end: bool) -> Option<u64> {
        let due = at_the_end || self.at.is_none_or(|at| at.elapsed() >= LOSS_EVERY);
        let fresh = Some(count.saturating_sub(self.count)).filter(|&fresh| due && fresh > 0);
        if fresh.is_some() {
            *self = Told { count, at: Some(Instant::now()) };
        }
        fresh
    }
}

impl Teller {
    pub(super) fn new(handlers: Handlers) -> Self {
        Teller {
            handlers,
            progress_told: None,
            file_errors: HashMap::new(),
            gaps: HashMap::new(),
            forgotten: HashMap::new(),
            not_opened: Told::default(),
            undecided: Told::default(),
            repeat: Repeat::default(),
            notified: 0,
            redelivered: 0,
            panics: 0,
            errors: 0,
        }
    }

    /// Tells news. A handler that panics on it would do so again, so it counts as told then, too.
    pub(super) fn deliver(&mut self, news: &Notification) {
        self.notified += 1;
        self.redelivered += u64::from(news.redelivered);
        let handler = match news.kind {
            NotificationKind::Resolved => &mut self.handlers.resolved,
            _ => &mut self.handlers.alert,
        };
        let Some(handler) = handler else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(news))) {
            self.panics += 1;
            let (id, text) = (&news.alert.id, panic_text(&*panic));
            self.fail(&Error::state(format!("the alert handler panicked on {id}: {text}")));
        }
    }

    /// Tells a problem.
    pub(super) fn fail(&mut self, error: &Error) {
        self.errors += 1;
        if let Some(handler) = &mut self.handlers.error
            && catch_unwind(AssertUnwindSafe(|| handler(error))).is_err()
        {
            self.panics += 1;
            self.handlers.error = None;
        }
    }

    /// Tells a problem that is tried again: while it stays the same, ever more rarely.
    pub(super) fn fail_again(&mut self, error: &Error) {
        if self.repeat.is_due(error.to_string(), Instant::now()) {
            self.fail(error);
        }
    }

    /// What was tried again has worked.
    pub(super) fn works_again(&mut self) {
        self.repeat.forget();
    }

    /// Tells that a rule forgot groups.
    pub(super) fn forgotten(&mut self, rule: &Rule, groups: u64, at_the_end: bool) {
        if groups == 0 {
            return;
        }
        let told = self.forgotten.entry(rule.name().to_owned()).or_default();
        if let Some(fresh) = told.fresh(groups, at_the_end) {
            let groups = if fresh == 1 { "group" } else { "groups" };
            let what = format!(
                "rule `{}` forgot {fresh} {groups}: more than {} or 16 MiB at once",
                rule.name(),
                rule.max_groups()
            );
            let hint = "group by something that has fewer values";
            self.fail(&Error::state(what).with_hint(hint));
        }
    }

    /// Tells that firings raised no alert.
    pub(super) fn not_opened(&mut self, firings: u64, most: u64, at_the_end: bool) {
        if let Some(fresh) = self.not_opened.fresh(firings, at_the_end) {
            let firings = if fresh == 1 { "firing" } else { "firings" };
            let what = format!("{fresh} {firings} raised no alert: {most} are not resolved");
            self.fail(&Error::state(what).with_hint("group by something that has fewer values"));
        }
    }

    /// Tells that patterns were given up on lines.
    pub(super) fn undecided(&mut self, patterns: u64, at_the_end: bool) {
        if let Some(fresh) = self.undecided.fresh(patterns, at_the_end) {
            let times = if fresh == 1 { "time" } else { "times" };
            let what = format!(
                "a rule's pattern was given up on a line {fresh} {times}: it took more work than a line may"
            );
            self.fail(
                &Error::state(what).with_hint("write it with texts that are rare in such lines"),
            );
        }
    }

    /// Tells every error of a file that is not the one told last, and every gap.
    pub(super) fn files(&mut self, sources: &[SourceStatus]) {
        for source in sources {
            let told = self.gaps.get(&source.path).copied().unwrap_or(0);
            if source.gaps > told {
                self.gaps.insert(source.path.clone(), source.gaps);
                let (fresh, path) = (source.gaps - told, source.path.display());
                let files = if fresh == 1 { "rotated file" } else { "rotated files" };
                let what =
                    format!("{fresh} {files} of {path} could not be read: lines may be lost");
                self.fail(&Error::state(what));
            }
            let Some(error) = &source.error else {
                self.file_errors.remove(&source.path);
                continue;
            };
            let text = error.to_string();
            if self.file_errors.get(&source.path) != Some(&text) {
                self.file_errors.insert(source.path.clone(), text);
                self.fail(error);
            }
        }
    }

    /// Whether it is time to look at files and progress again.
    pub(super) fn progress_is_due(&self) -> bool {
        self.progress_told.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY)
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        self.progress_told = Some(Instant::now());
        if let Some(handler) = &mut self.handlers.progress
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| handler(progress)))
        {
            self.panics += 1;
            self.handlers.progress = None;
            let text = panic_text(&*panic);
            self.fail(&Error::state(format!(
                "the progress handler panicked and is not called again: {text}"
            )));
        }
    }

    pub(super) fn fill(&self, report: &mut Report) {
        report.notified = self.notified;
        report.redelivered = self.redelivered;
        report.handler_panics = self.panics;
        report.errors = self.errors;
    }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
