//! Limits on how often one call site logs, and the count of what they kept back.

mod duration;
mod pending;
mod window;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prisma_log_core::Level;

use pending::Pending;
use window::Window;

/// How long counts may wait to be told when no interval was given: one minute.
const DEFAULT_PERIOD: u64 = 60_000_000_000;

/// A limit on how often one call site logs; lives in a `static` beside the call.
///
/// Rules are combined: a call is admitted when each rule that is set admits it, asked in this order.
///
/// - [`repeats`](Limit::repeats): a record equal to the site's last one is kept back.
/// - [`sample`](Limit::sample): of every N calls the first is admitted.
/// - [`every`](Limit::every) and [`first`](Limit::first): at most N records in an interval.
///
/// Whatever the number of threads, each call is either admitted or counted as suppressed, exactly
/// one of the two, and each suppressed call is told exactly once: by the [`Verdict`] of the site's
/// next admitted call, or by the pipeline's worker once the interval has passed (the interval of
/// `every`, else of `repeats`, else one minute), or when the pipeline is flushed or closed. What is
/// told becomes a record `records suppressed` with the fields `suppressed` (how many) and `site`
/// (`file:line`), at the site's level. Sites with `sample` leave it all to the worker, since
/// otherwise every record they log would bring a second one.
///
/// Limits belong to the process, not to a pipeline: of several pipelines, the first to look tells.
/// Without any rule every call is admitted.
///
/// Times are parsed when the program is compiled, and a bad one is a compile error:
///
/// ```compile_fail,E0080
/// use prisma_log_core::Level;
/// use prisma_log_pipeline::Limit;
///
/// static LIMIT: Limit = Limit::new(file!(), line!(), module_path!(), Level::Info).every("1 sec");
/// ```
pub struct Limit {
    file: &'static str,
    line: u32,
    module: &'static str,
    level: Level,
    /// In calls; 0 for no sampling.
    sample: u32,
    /// In nanoseconds; 0 for no such rule.
    repeats: u64,
    window: Window,
    calls: AtomicU64,
    last_record: AtomicU64,
    pending: Pending,
}

/// What a [`Limit`] says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The call logs its record.
    Admit {
        /// How many calls of the site were suppressed and not told yet; now they count as told. If
        /// not 0, they go into a record before this one.
        suppressed: u64,
    },
    /// The call logs nothing; it has been counted.
    Suppress,
}

impl Limit {
    /// A limit without rules for the call at `file:line` in `module`, which logs at `level`.
    pub const fn new(file: &'static str, line: u32, module: &'static str, level: Level) -> Self {
        Limit {
            file,
            line,
            module,
            level,
            sample: 0,
            repeats: 0,
            window: Window::unlimited(),
            calls: AtomicU64::new(0),
            last_record: AtomicU64::new(0),
            pending: Pending::new(),
        }
    }

    /// At most one record in each `interval`, or as many as [`first`](Limit::first) says.
    ///
    /// An interval begins with a record that is admitted when none is running. It lasts as long as
    /// said or up to 2 ms longer, never shorter. When the clock is set back by more than a second
    /// plus the interval, a new one begins.
    ///
    /// `interval` is a whole number and a unit without a space between: `ms`, `s`, `m` or `h`; from
    /// `1ms` to `8760h`.
    ///
    /// # Panics
    /// When `interval` is anything else: in a `static`, as an error of the compiler.
    #[must_use]
    pub const fn every(mut self, interval: &str) -> Self {
        self.window = self.window.every(duration::parse(interval));
        self
    }

    /// The first `records` in each interval of [`every`](Limit::every); without an interval, the
    /// first ones of the process.
    ///
    /// # Panics
    /// When `records` is 0 or above 4,194,303: in a `static`, as an error of the compiler.
    #[must_use]
    pub const fn first(mut self, records: u32) -> Self {
        self.window = self.window.first(records);
        self
    }

    /// Of every `calls` calls the first: the 1st, the N+1st, and so on.
    ///
    /// # Panics
    /// When `calls` is 0: in a `static`, as an error of the compiler.
    #[must_use]
    pub const fn sample(mut self, calls: u32) -> Self {
        assert!(calls > 0, "sample: expected a number of calls from 1, such as `sample = 100`");
        self.sample = calls;
        self
    }

    /// Keeps back records with the same fingerprint as the site's last one, until `interval` ends.
    ///
    /// Intervals lie end to end on the wall clock, from the Unix epoch on: with `"10s"` a record
    /// that repeats for ever is logged at most once between :00 and :10, once between :10 and :20.
    /// `interval` is written as for [`every`](Limit::every).
    ///
    /// # Panics
    /// As [`every`](Limit::every).
    #[must_use]
    pub const fn repeats(mut self, interval: &str) -> Self {
        self.repeats = duration::parse(interval);
        self
    }

    /// Whether [`admit`](Limit::admit) looks at the fingerprint.
    #[inline]
    pub const fn compares_records(&self) -> bool {
        self.repeats > 0
    }

    /// Asks whether a call at time `now` may log; never blocks, never allocates.
    ///
    /// `now` is in nanoseconds since the Unix epoch. `fingerprint` is a hash of what the record
    /// says (message and fields); if [`compares_records`](Limit::compares_records) is false, any
    /// number will do.
    #[inline]
    pub fn admit(&'static self, now: u64, fingerprint: u64) -> Verdict {
        if self.is_admitted(now, fingerprint) {
            // What a sampling site keeps back is told from time to time only.
            let suppressed = if self.sample == 0 { self.pending.take() } else { 0 };
            Verdict::Admit { suppressed }
        } else {
            pending::suppress(self, now);
            Verdict::Suppress
        }
    }

    fn is_admitted(&self, now: u64, fingerprint: u64) -> bool {
        (self.repeats == 0 || self.is_new(now, fingerprint))
            && (self.sample == 0 || self.is_sampled())
            && self.window.admit(now)
    }

    /// Whether the last record was another one, or came in another interval.
    fn is_new(&self, now: u64, fingerprint: u64) -> bool {
        let record = mix(fingerprint ^ mix(now / self.repeats));
        // Threads that log the same record over and over don't pull the cache line back and forth.
        self.last_record.load(Ordering::Relaxed) != record
            && self.last_record.swap(record, Ordering::Relaxed) != record
    }

    fn is_sampled(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(u64::from(self.sample))
    }

    /// How long counts may wait before the worker tells them, in nanoseconds.
    fn period(&self) -> u64 {
        match (self.window.interval(), self.repeats) {
            (Some(interval), _) => interval,
            (None, 0) => DEFAULT_PERIOD,
            (None, interval) => interval,
        }
    }

    /// The call's source file, as `file!()` gives it.
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// The call's line, from 1.
    pub const fn line(&self) -> u32 {
        self.line
    }

    /// The call's module, as `module_path!()` gives it.
    pub const fn module(&self) -> &'static str {
        self.module
    }

    /// The call's level.
    pub const fn level(&self) -> Level {
        self.level
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Limit");
        shown.field("file", &self.file).field("line", &self.line);
        shown.field("sample", &self.sample).field("repeats", &self.repeats);
        shown.field("window", &self.window).field("pending", &self.pending.count());
        shown.finish_non_exhaustive()
    }
}

/// Spreads every bit over all others (the finaliser of splitmix64); never 0, which stands for none.
const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ number >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ number >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (number ^ number >> 31) | 1
}

/// Takes the counts that are due at `now` (nanoseconds since the Unix epoch), or `all` of them, and
/// hands each to `tell`: as told from then on.
///
/// Called by the worker about once a second, and with `all` at every flush and at the end. Several
/// threads may call it at once: each count goes to one of them.
pub(crate) fn take_due(now: u64, all: bool, tell: impl FnMut(&'static Limit, u64) -> bool) {
    pending::take_due(now, all, tell);
}

/// Forgets all counts: in a forked child, where they are the parent's to tell.
pub(crate) fn after_fork() {
    pending::take_due(0, true, |_, _| true);
}

#[cfg(test)]
mod tests;
